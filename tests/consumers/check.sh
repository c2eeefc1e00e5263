#!/usr/bin/env bash
# Builds and runs a program against the library, in each way that an application would.
# Usage: check.sh BUILD_DIR   (a configured and built tree of Inlay; its install is tried)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
work=$build/consumers
model=$here/../../examples/digits/digits.onnx

# check APP MAX_BYTES
check() {
  local app=$1 most=$2 bytes
  "$app" "$model" >/dev/null
  bytes=$(stat -c %s "$app")
  echo "$app: $bytes bytes"
  if ((bytes > most)); then
    echo "larger than $most bytes" >&2
    return 1
  fi
  if ldd "$app" | grep -vE 'linux-vdso|ld-linux|lib(c|m|stdc\+\+|gcc_s|gomp|pthread|dl|omp)\.so'; then
    echo "needs more than the C and C++ run-time and OpenMP" >&2
    return 1
  fi
}

cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$here/installed" -B "$work/installed" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_COMPILER=g++ -DCMAKE_PREFIX_PATH="$work/prefix"
cmake --build "$work/installed"
check "$work/installed/app" $((6 * 1024 * 1024))
"$work/installed/kernels"
if [[ -e $work/installed/images ]]; then
  "$work/installed/images"
fi

# Only what one model needs.
cmake -S "$here/subdirectory" -B "$work/subdirectory" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_COMPILER=g++ -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=16 \
  -DINLAY_WERROR=ON -DINLAY_OPENMP=OFF -DINLAY_OPERATORS_FROM="$model"
cmake --build "$work/subdirectory"
check "$work/subdirectory/app" 1500000
