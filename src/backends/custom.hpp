// The backend of operators that came to a registry together with their kernels.
#pragma once

#include <map>

#include "inlay/backend.hpp"

namespace inlay::inline v0 {

class CustomBackend final : public Backend {
 public:
  static constexpr std::string_view id = "custom";

  /// Replaces what there was of the same domain, name and version.
  void add(const OpSchema& schema, KernelFactory make);

  std::string_view name() const noexcept override { return id; }
  Support supports(const CompileContext& context) const override;
  std::unique_ptr<Kernel> compile(const CompileContext& context) const override;

 private:
  const KernelFactory* find(const Node& node) const;

  std::map<std::string, std::map<int, KernelFactory>, std::less<>> kernels_;  // by name, version
};

}  // namespace inlay::inline v0
