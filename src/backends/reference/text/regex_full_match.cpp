// RegexFullMatch.
#include "backends/reference/attributes.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/text/regex.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

class RegexFullMatch final : public Kernel {
 public:
  explicit RegexFullMatch(const CompileContext& context)
      : regex_(context.node.attributes.text("pattern", "")) {
    require_attribute(context.node.attributes.has("pattern"), "the pattern is missing");
  }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const auto from = x.as<std::string>();
    const auto to = context.output(0, x.shape()).as_mutable<bool>();
    const auto work = context.scratch<std::uint32_t>(static_cast<std::int64_t>(regex_.work_size()));
    std::fill(work.begin(), work.end(), 0u);
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (i % 1024 == 0) context.check_cancelled();
      to[i] = regex_.full_match(from[i], work, [&] { context.check_cancelled(); });
    }
  }

 private:
  Regex regex_;
};

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> regex_kernels() {
  return {{"", "RegexFullMatch", make_kernel<kernels::RegexFullMatch>}};
}

}  // namespace inlay::inline v0
