#include "cases/numbers.hpp"

#include "visit_dtype.hpp"

namespace inlay::cases {

bool read_numbers(const Tensor& tensor, std::int64_t first, std::int64_t count,
                  std::vector<double>& to) {
  if (first < 0 || count < 0 || first > tensor.size() || count > tensor.size() - first) {
    throw Error(ErrorCode::invalid_argument, "the tensor has not so many elements");
  }
  to.clear();
  bool numeric = false;
  cli::visit_dtype(tensor.dtype(), [&]<class T>(const T&) {
    if constexpr (!std::is_same_v<T, std::string>) {
      numeric = true;
      const auto all = tensor.as<T>();
      for (const T& element :
           all.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count))) {
        if constexpr (requires { element.imag(); }) {
          to.push_back(static_cast<double>(element.real()));
          to.push_back(static_cast<double>(element.imag()));
        } else {
          to.push_back(static_cast<double>(element));
        }
      }
    }
  });
  return numeric;
}

}  // namespace inlay::cases
