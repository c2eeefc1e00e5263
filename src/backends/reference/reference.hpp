// The reference backend: plain loops, any dtype, obviously right. The oracle of every other kernel.
#pragma once

#include <memory>
#include <vector>

#include "built_operators.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0 {

/// One operator's reference kernel: a function that reads everything from the context, attributes
/// included, or else what makes a kernel with tables that would take long to build in each run.
struct ReferenceKernel {
  std::string_view domain;
  std::string_view op;
  void (*run)(KernelContext& context) = nullptr;
  std::unique_ptr<Kernel> (*make)(const CompileContext& context) = nullptr;

  /// Neither function is there when this build is without the operator.
  INLAY_CONSTEVAL ReferenceKernel(std::string_view of_domain, std::string_view op_type,
                                  void (*function)(KernelContext& context))
      : domain(of_domain), op(op_type), run(is_built(of_domain, op_type) ? function : nullptr) {}
  INLAY_CONSTEVAL ReferenceKernel(std::string_view of_domain, std::string_view op_type,
                                  std::unique_ptr<Kernel> (*factory)(const CompileContext& context))
      : domain(of_domain), op(op_type), make(is_built(of_domain, op_type) ? factory : nullptr) {}
};

/// Makes a class derived from Kernel that is constructed from a CompileContext.
template <class K>
std::unique_ptr<Kernel> make_kernel(const CompileContext& context) {
  return std::make_unique<K>(context);
}

std::vector<ReferenceKernel> elementwise_kernels();
std::vector<ReferenceKernel> generator_kernels();
std::vector<ReferenceKernel> reduction_kernels();
std::vector<ReferenceKernel> normalization_kernels();
std::vector<ReferenceKernel> shape_kernels();
std::vector<ReferenceKernel> movement_kernels();
std::vector<ReferenceKernel> pad_kernels();
std::vector<ReferenceKernel> gather_kernels();
std::vector<ReferenceKernel> selection_kernels();
std::vector<ReferenceKernel> resize_kernels();
std::vector<ReferenceKernel> grid_kernels();
std::vector<ReferenceKernel> sampling_kernels();
std::vector<ReferenceKernel> container_kernels();
std::vector<ReferenceKernel> control_kernels();
std::vector<ReferenceKernel> matmul_kernels();
std::vector<ReferenceKernel> conv_kernels();
std::vector<ReferenceKernel> pool_kernels();
std::vector<ReferenceKernel> recurrent_kernels();
std::vector<ReferenceKernel> quantized_kernels();
std::vector<ReferenceKernel> attention_kernels();
std::vector<ReferenceKernel> fused_kernels();
std::vector<ReferenceKernel> blocked_kernels();
std::vector<ReferenceKernel> signal_kernels();
std::vector<ReferenceKernel> string_kernels();
std::vector<ReferenceKernel> regex_kernels();
std::vector<ReferenceKernel> tfidf_kernels();
std::vector<ReferenceKernel> feature_kernels();
std::vector<ReferenceKernel> lookup_kernels();
std::vector<ReferenceKernel> dictionary_kernels();
std::vector<ReferenceKernel> linear_model_kernels();
std::vector<ReferenceKernel> svm_kernels();
std::vector<ReferenceKernel> tree_ensemble_kernels();
std::vector<ReferenceKernel> contrib_kernels();

std::shared_ptr<const Backend> make_reference_backend();

}  // namespace inlay::inline v0
