// The operators and backends of this build, as one explicit list.
#include <algorithm>

#include "backends/cpu/cpu.hpp"
#include "backends/cpu/isa.hpp"
#include "backends/reference/reference.hpp"
#include "inlay/backend.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

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
  for (auto schemas :
       {elementwise_schemas, generator_schemas, reduction_schemas, normalization_schemas,
        shape_schemas,       movement_schemas,  gather_schemas,    selection_schemas,
        resize_schemas,      sampling_schemas,  container_schemas, control_schemas,
        matmul_schemas,      conv_schemas,      pool_schemas,      recurrent_schemas,
        quantized_schemas,   attention_schemas, fused_schemas,     signal_schemas,
        image_schemas}) {
    for (OpSchema& schema : schemas()) registry->add(std::move(schema));
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
