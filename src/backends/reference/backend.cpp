// Looks a node's kernel up in the tables of this folder.
#include <map>

#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace {

class FunctionKernel final : public Kernel {
 public:
  explicit FunctionKernel(void (*function)(KernelContext&)) : run_(function) {}
  void run(KernelContext& context) const override { run_(context); }

 private:
  void (*run_)(KernelContext&);
};

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend() {
    for (auto table :
         {elementwise_kernels, generator_kernels,    reduction_kernels, normalization_kernels,
          shape_kernels,       movement_kernels,     pad_kernels,       gather_kernels,
          selection_kernels,   resize_kernels,       grid_kernels,      sampling_kernels,
          container_kernels,   control_kernels,      matmul_kernels,    conv_kernels,
          pool_kernels,        recurrent_kernels,    quantized_kernels, attention_kernels,
          fused_kernels,       blocked_kernels,      signal_kernels,    string_kernels,
          regex_kernels,       tfidf_kernels,        feature_kernels,   lookup_kernels,
          dictionary_kernels,  linear_model_kernels, svm_kernels,       tree_ensemble_kernels,
          contrib_kernels}) {
      for (const ReferenceKernel& kernel : table()) {
        if (kernel.run == nullptr && kernel.make == nullptr) continue;
        kernels_.emplace(std::pair(kernel.domain, kernel.op), kernel);
      }
    }
  }

  std::string_view name() const noexcept override { return "reference"; }

  Support supports(const CompileContext& context) const override {
    if (find(context.node) == nullptr) return {false, "no kernel"};
    return {true, "any dtype and shape"};
  }

  std::unique_ptr<Kernel> compile(const CompileContext& context) const override {
    const ReferenceKernel& kernel = *find(context.node);
    if (kernel.make != nullptr) return kernel.make(context);
    return std::make_unique<FunctionKernel>(kernel.run);
  }

 private:
  const ReferenceKernel* find(const Node& node) const {
    const auto it =
        kernels_.find(std::pair<std::string_view, std::string_view>(node.domain, node.op));
    return it == kernels_.end() ? nullptr : &it->second;
  }

  std::map<std::pair<std::string_view, std::string_view>, ReferenceKernel> kernels_;
};

}  // namespace

std::shared_ptr<const Backend> make_reference_backend() {
  return std::make_shared<const ReferenceBackend>();
}

}  // namespace inlay::inline v0
