#include "pages.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <system_error>

#if defined(__unix__) || defined(__APPLE__)
#define INLAY_HAS_MMAP
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#elif defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#endif

namespace inlay::inline v0 {
namespace {

namespace fs = std::filesystem;

/// Files that are empty, or no plain files (pipes), cannot be mapped.
Bytes read_stream(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  auto content = std::make_shared<std::string>();
  char block[1 << 16];
  while (stream.read(block, sizeof block) || stream.gcount() > 0) {
    content->append(block, static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.eof()) throw Error(ErrorCode::io, "the file cannot be read");
  return {std::as_bytes(std::span(*content)), content};
}

/// The deleter of a mapping, by which its owner is known.
struct Unmap {
  std::size_t size;
  void operator()(const void* start) const noexcept {
#if defined(INLAY_HAS_MMAP)
    ::munmap(const_cast<void*>(start), size);
#elif defined(_WIN32)
    ::UnmapViewOfFile(start);
#else
    (void)start;
#endif
  }
};

Bytes mapped(void* start, std::size_t size) {
  std::shared_ptr<const void> owner(start, Unmap{size});
  return {{static_cast<const std::byte*>(start), size}, std::move(owner)};
}

#if defined(INLAY_HAS_MMAP)
[[noreturn]] void throw_errno(int error) {
  const auto code = error == ENOENT || error == ENOTDIR ? ErrorCode::not_found
                    : error == ENOMEM                   ? ErrorCode::out_of_memory
                                                        : ErrorCode::io;
  throw Error(code, "the file cannot be read: " + std::generic_category().message(error));
}

class Descriptor {
 public:
  explicit Descriptor(const fs::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw_errno(errno);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(fd_); }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

/// The whole pages within a block; none: first == last.
struct Pages {
  std::uintptr_t first, last;
  Pages(const void* data, std::size_t bytes) {
    static const auto size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto start = reinterpret_cast<std::uintptr_t>(data);
    first = (start + size - 1) / size * size;
    last = std::max(first, (start + bytes) / size * size);
  }
  void advise(int advice) const noexcept {
    if (first != last) ::madvise(reinterpret_cast<void*>(first), last - first, advice);
  }
};
#endif

}  // namespace

#if defined(INLAY_HAS_MMAP)
Bytes map_file(const fs::path& path) {
  const Descriptor file(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno(errno);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size == 0) return read_stream(path);
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  return start == MAP_FAILED ? read_stream(path) : mapped(start, size);
}
#else
Bytes map_file(const fs::path& path) {
  if (!fs::exists(path)) throw Error(ErrorCode::not_found, "there is no such file");
#if defined(_WIN32)
  // Others may replace the file by renaming another over it, but not cut it short.
  const HANDLE file = ::CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE,
                                    nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) throw Error(ErrorCode::io, "the file cannot be opened");
  LARGE_INTEGER size{};
  HANDLE mapping = nullptr;
  if (::GetFileSizeEx(file, &size) && size.QuadPart > 0) {
    mapping = ::CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
  }
  void* const start = mapping ? ::MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : nullptr;
  if (mapping) ::CloseHandle(mapping);
  ::CloseHandle(file);
  if (start) return mapped(start, static_cast<std::size_t>(size.QuadPart));
#endif
  return read_stream(path);
}
#endif

void drop_pages([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes,
                [[maybe_unused]] const std::shared_ptr<const void>& owner) noexcept {
#if defined(INLAY_HAS_MMAP)
  if (std::get_deleter<Unmap>(owner) != nullptr) Pages(data, bytes).advise(MADV_DONTNEED);
#endif
}

void commit_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__)
  constexpr std::size_t worth_a_call = std::size_t{256} << 10;
  constexpr int populate_write = 23;  // MADV_POPULATE_WRITE; kernels before 5.14 refuse it
  if (bytes >= worth_a_call) Pages(data, bytes).advise(populate_write);
#endif
}

}  // namespace inlay::inline v0
