#!/usr/bin/env bash
# Installs the Debian packages given that are missing; says so first. Elsewhere it names them.
# Usage: install_packages.sh DEBIAN_PACKAGE...
set -euo pipefail

# The same package elsewhere: Debian, Fedora, Arch, Homebrew ("-": not there).
names="\
g++                 gcc-c++          gcc            gcc
cmake               cmake            cmake          cmake
ninja-build         ninja-build      ninja          ninja
libeigen3-dev       eigen3-devel     eigen          eigen
libxsimd-dev        xsimd-devel      xsimd          xsimd
libprotozero-dev    protozero-devel  protozero      protozero
libcli11-dev        cli11-devel      cli11          cli11
nlohmann-json3-dev  json-devel       nlohmann-json  nlohmann-json
libstb-dev          stb-devel        stb            -
libjpeg62-turbo-dev libjpeg-turbo-devel  libjpeg-turbo  jpeg-turbo
libopenjp2-7-dev    openjpeg-devel   openjpeg2      openjpeg
libpng-dev          libpng-devel     libpng         libpng
libtiff-dev         libtiff-devel    libtiff        libtiff
libwebp-dev         libwebp-devel    libwebp        webp
catch2              catch2-devel     catch2-v2      -
libbenchmark-dev    google-benchmark-devel  benchmark  google-benchmark
clang               clang            clang          llvm
binutils            binutils         binutils       binutils
qemu-user           qemu-user        qemu-user      qemu
libonnx-testdata    -                -              -"

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# The names in column $1 of the table for the packages that follow.
translate() {
  local column=$1 package
  shift
  for package in "$@"; do
    awk -v package="$package" -v column="$column" \
      '$1 == package && $column != "-" { printf "%s ", $column }' <<<"$names"
  done
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  {
    echo "This is not a Debian system. Install these packages, then run again with --no-install:"
    echo "  Debian:   $*"
    echo "  Fedora:   $(translate 2 "$@")"
    echo "  Arch:     $(translate 3 "$@")"
    echo "  Homebrew: $(translate 4 "$@")"
  } >&2
  exit 1
fi

missing=()
for package in "$@"; do
  is_installed "$package" || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Missing, about to be installed with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends "${missing[@]}"
