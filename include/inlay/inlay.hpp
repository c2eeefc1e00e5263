// All that an application needs. Those who extend the library include op.hpp, pass.hpp, backend.hpp
// or a kernel beside it.
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
#include "inlay/writer.hpp"
