// The operators and backends of this build, as one explicit list.
#include <algorithm>

#include "backends/cpu/cpu.hpp"
#include "backends/cpu/isa.hpp"
#include "backends/reference/reference.hpp"
#include "built_operators.hpp"
#include "inlay/backend.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

/// The operators of one file of src/ops, null when this build has none of them.
struct Family {
  std::vector<OpSchema> (*schemas)();

  INLAY_CONSTEVAL Family(std::string_view file, std::vector<OpSchema> (*all)())
      : schemas(is_family_built(file) ? all : nullptr) {}
};

constexpr Family families[] = {
    {"elementwise", elementwise_schemas},
    {"generator", generator_schemas},
    {"reduction", reduction_schemas},
    {"normalization", normalization_schemas},
    {"shape", shape_schemas},
    {"movement", movement_schemas},
    {"gather", gather_schemas},
    {"selection", selection_schemas},
    {"resize", resize_schemas},
    {"sampling", sampling_schemas},
    {"container", container_schemas},
    {"control", control_schemas},
    {"matmul", matmul_schemas},
    {"conv", conv_schemas},
    {"pool", pool_schemas},
    {"recurrent", recurrent_schemas},
    {"quantized", quantized_schemas},
    {"attention", attention_schemas},
    {"fused", fused_schemas},
    {"blocked", blocked_schemas},
    {"signal", signal_schemas},
    {"text", text_schemas},
    {"ml", ml_schemas},
    {"image", image_schemas},
    {"contrib_attention", contrib_attention_schemas},
    {"contrib_norm", contrib_norm_schemas},
    {"contrib_product", contrib_product_schemas},
    {"contrib_quantized", contrib_quantized_schemas},
    {"contrib_tensor", contrib_tensor_schemas},
};

const cpu::KernelTable& choose_kernels(std::string_view isa) {
  const cpu::KernelTable* table = isa.empty() ? cpu::best_kernels() : cpu::find_kernels(isa);
  if (table != nullptr) return *table;
  std::string known;
  for (const cpu::Isa built : cpu::built_isas()) {
    if (cpu::machine_has(built)) known += " " + std::string(cpu::isa_name(built));
  }
  throw Error(ErrorCode::not_found, "no instruction set '" +
                                        (isa.empty() ? "in INLAY_ISA" : std::string(isa)) +
                                        "' in this build and on this machine; there are:" + known);
}

}  // namespace

std::shared_ptr<Registry> Registry::create(std::string_view isa) {
  const cpu::KernelTable& kernels = choose_kernels(isa);
  auto registry = std::make_shared<Registry>();
  for (const Family& family : families) {
    if (family.schemas == nullptr) continue;
    for (OpSchema& schema : family.schemas()) {
      if (is_built(schema.domain, schema.name)) registry->add(std::move(schema));
    }
  }
  registry->add(make_reference_backend());
  registry->add(cpu::make_cpu_backend(kernels));
  return registry;
}

std::shared_ptr<const Registry> Registry::standard() {
  static const std::shared_ptr<const Registry> registry = create();
  return registry;
}

void Registry::add(OpSchema schema) {
  auto& versions = ops_[qualified_op(schema.domain, schema.name)];
  const auto it =
      std::lower_bound(versions.begin(), versions.end(), schema.since,
                       [](const OpSchema& existing, int since) { return existing.since < since; });
  if (it != versions.end() && it->since == schema.since) {
    *it = std::move(schema);
  } else {
    versions.insert(it, std::move(schema));
  }
}

void Registry::add(std::shared_ptr<const Backend> backend) {
  backends_.insert(backends_.begin() + (custom_ == nullptr ? 0 : 1), std::move(backend));
}

const OpSchema* Registry::find_op(std::string_view domain, std::string_view name,
                                  int version) const {
  const auto it = ops_.find(qualified_op(domain, name));
  if (it == ops_.end()) return nullptr;
  const OpSchema* found = nullptr;
  for (const OpSchema& schema : it->second) {
    if (schema.since <= version) found = &schema;
  }
  return found;
}

const Backend* Registry::find_backend(std::string_view name) const noexcept {
  for (const auto& backend : backends_) {
    if (backend->name() == name) return backend.get();
  }
  return nullptr;
}

std::vector<const OpSchema*> Registry::ops() const {
  std::vector<const OpSchema*> all;
  for (const auto& [key, versions] : ops_) {
    for (const OpSchema& schema : versions) all.push_back(&schema);
  }
  return all;
}

}  // namespace inlay::inline v0
