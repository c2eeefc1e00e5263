// The parts of stb that are used, the same for its implementation and for its callers.
#pragma once

#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_FAILURE_STRINGS
#define STBI_MAX_DIMENSIONS 32768
#include <stb_image.h>

#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>
