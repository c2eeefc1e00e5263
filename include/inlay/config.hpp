// Version, symbol and symbol visibility. Everything public lives in inlay::v0 (an inline
// namespace).
#pragma once

#define INLAY_VERSION_MAJOR 0
#define INLAY_VERSION_MINOR 1
#define INLAY_VERSION_PATCH 0
#define INLAY_VERSION_STRING "0.1.0"

#if defined(INLAY_SHARED) && defined(_WIN32)
#if defined(INLAY_BUILDING)
#define INLAY_API __declspec(dllexport)
#else
#define INLAY_API __declspec(dllimport)
#endif
#elif defined(INLAY_SHARED)
#define INLAY_API __attribute__((visibility("default")))
#else
#define INLAY_API
#endif
