#include "backends/custom.hpp"

namespace inlay::inline v0 {
namespace {

class CustomKernel final : public Kernel {
 public:
  explicit CustomKernel(KernelFunction run) : run_(std::move(run)) {}
  void run(KernelContext& context) const override { run_(context); }

 private:
  KernelFunction run_;
};

}  // namespace

void CustomBackend::add(const OpSchema& schema, KernelFactory make) {
  kernels_[qualified_op(schema.domain, schema.name)][schema.since] = std::move(make);
}

const KernelFactory* CustomBackend::find(const Node& node) const {
  const auto op = kernels_.find(qualified_op(node.domain, node.op));
  if (op == kernels_.end()) return nullptr;
  const auto next = op->second.upper_bound(node.version);
  return next == op->second.begin() ? nullptr : &std::prev(next)->second;
}

Support CustomBackend::supports(const CompileContext& context) const {
  if (find(context.node) == nullptr) return {false, "no kernel"};
  return {true, "registered with its kernel"};
}

std::unique_ptr<Kernel> CustomBackend::compile(const CompileContext& context) const {
  auto kernel = (*find(context.node))(context);
  if (kernel == nullptr) {
    throw Error(ErrorCode::invalid_argument, "the operator's factory gave no kernel");
  }
  return kernel;
}

void Registry::add(OpSchema schema, KernelFunction run) {
  if (!run) throw Error(ErrorCode::invalid_argument, "an operator needs a function to run");
  add(std::move(schema), KernelFactory([run = std::move(run)](const CompileContext&) {
        return std::make_unique<CustomKernel>(run);
      }));
}

void Registry::add(OpSchema schema, KernelFactory make) {
  if (!make) throw Error(ErrorCode::invalid_argument, "an operator needs a factory of its kernels");
  if (custom_ == nullptr) {
    custom_ = std::make_shared<CustomBackend>();
    backends_.insert(backends_.begin(), custom_);
  }
  custom_->add(schema, std::move(make));
  add(std::move(schema));
}

}  // namespace inlay::inline v0
