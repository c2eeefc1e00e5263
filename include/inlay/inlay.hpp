// All of the public API that an application needs.
#pragma once

#include "inlay/config.hpp"
#include "inlay/dtype.hpp"
#include "inlay/error.hpp"
#include "inlay/executor.hpp"
#include "inlay/model.hpp"
#include "inlay/reader.hpp"
#include "inlay/session.hpp"
#include "inlay/shape.hpp"
#include "inlay/tensor.hpp"
