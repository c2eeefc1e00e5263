#!/usr/bin/env bash
# Installs what is missing, builds the library and one example, and classifies handwritten digits.
# Usage: quickstart.sh [--no-install] [PICTURES_TO_SHOW]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ ${1:-} == --no-install ]]; then
  shift
else
  "$root/cmake/install_packages.sh" \
    g++ cmake ninja-build libeigen3-dev libxsimd-dev libprotozero-dev
fi

# Quick to compile: kernels are fully optimised all the same.
build="$root/build-quickstart"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" -DCMAKE_UNITY_BUILD=ON \
  -DINLAY_CLI=OFF -DINLAY_IMAGES=OFF -DINLAY_TESTS=OFF -DINLAY_EXAMPLES=ON
cmake --build "$build" --target quickstart
"$build/bin/quickstart" "$root/examples/digits" "$@"
