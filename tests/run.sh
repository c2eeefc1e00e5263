#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
# Usage: run.sh [--no-install] [CMAKE_OPTION...]     BUILD_DIR: where to build (build/)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ ${1:-} == --no-install ]]; then
  shift
else
  "$root/cmake/install_packages.sh" \
    g++ cmake ninja-build libeigen3-dev libxsimd-dev libprotozero-dev \
    libcli11-dev nlohmann-json3-dev libstb-dev \
    libjpeg62-turbo-dev libopenjp2-7-dev libpng-dev libtiff-dev libwebp-dev \
    catch2 libbenchmark-dev clang binutils qemu-user libonnx-testdata
fi

build=${BUILD_DIR:-$root/build}
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DINLAY_TESTS=ON "$@"
cmake --build "$build"
exec ctest --test-dir "$build" --output-on-failure --parallel "$(nproc)"
