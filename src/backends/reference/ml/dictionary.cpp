// CastMap, DictVectorizer and ZipMap: maps to tensors and back.
#include <numeric>
#include <unordered_map>

#include "backends/reference/convert.hpp"
#include "backends/reference/ml/features.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/text/text.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

using DictionaryTypes = Types<std::string, std::int64_t, float, double>;

/// The single key of a map's entry, an int64 or a string. Errors: type_mismatch, shape_mismatch.
template <class Key>
Key key_of(const std::pair<Value, Value>& entry) {
  return entry.first.tensor().item<Key>();
}

template <class To, class From>
To converted(const From& value) {
  constexpr bool from_text = std::is_same_v<From, std::string>;
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<To, std::string>) {
    return format_number(value);
  } else if constexpr (from_text && std::is_same_v<To, std::int64_t>) {
    return parse_number<std::int64_t>(value);
  } else if constexpr (from_text) {
    return from_real<To>(parse_number<double>(value));
  } else {
    return from_real<To>(static_cast<double>(value));
  }
}

void run_cast_map(KernelContext& context) {
  const Map& map = context.input_value(0).map();
  const std::string_view form = context.attributes().text("map_form", "DENSE");
  if (form != "DENSE" && form != "SPARSE") {
    context.fail(ErrorCode::invalid_graph, "map_form is neither DENSE nor SPARSE");
  }
  const bool sparse = form == "SPARSE";
  std::vector<std::pair<std::int64_t, const Value*>> entries;
  entries.reserve(map.size());
  for (const auto& entry : map) {
    entries.emplace_back(key_of<std::int64_t>(entry), &entry.second);
  }
  std::sort(entries.begin(), entries.end());
  const std::int64_t columns =
      sparse ? context.attributes().integer("max_map", 1) : std::ssize(entries);
  Tensor& y = context.output(0, {1, columns});
  visit_dtype<Types<float, std::int64_t, std::string>>(y.dtype(), [&]<class To>() {
    const auto to = y.as_mutable<To>();
    std::fill(to.begin(), to.end(), To());
    std::int64_t next = 0;
    for (const auto& [key, value] : entries) {
      const std::int64_t place = sparse ? key : next++;
      if (place < 0 || place >= columns) {
        context.fail(ErrorCode::execution,
                     "key " + std::to_string(key) +
                         " is outside a sparse map of max_map = " + std::to_string(columns));
      }
      const Tensor& single = value->tensor();
      visit_dtype<Types<float, std::string>>(single.dtype(), [&]<class From>() {
        to[static_cast<std::size_t>(place)] = converted<To>(single.item<From>());
      });
    }
  });
}

class DictVectorizer final : public Kernel {
 public:
  explicit DictVectorizer(const CompileContext& context) {
    const Attributes& attributes = context.node.attributes;
    for (const std::int64_t key : attributes.integers("int64_vocabulary")) {
      numbers_.emplace(key, size_++);
    }
    const auto* words = attributes.get<std::vector<std::string>>("string_vocabulary");
    require_attribute(size_ == 0 || words == nullptr || words->empty(),
                      "there are two vocabularies, of integers and of strings");
    if (words == nullptr) return;
    for (const std::string& key : *words) strings_.emplace(key, size_++);
  }

  void run(KernelContext& context) const override {
    const Map& map = context.input_value(0).map();
    Tensor& y = context.output(0, {size_});
    visit_dtype<DictionaryTypes>(y.dtype(), [&]<class T>() {
      const auto to = y.as_mutable<T>();
      std::fill(to.begin(), to.end(), T());
      for (const auto& entry : map) to[place(context, entry)] = entry.second.tensor().item<T>();
    });
  }

 private:
  std::size_t place(const KernelContext& context, const std::pair<Value, Value>& entry) const {
    if (!strings_.empty()) {
      const std::string key = key_of<std::string>(entry);
      const auto it = strings_.find(key);
      if (it != strings_.end()) return static_cast<std::size_t>(it->second);
      context.fail(ErrorCode::execution, "the vocabulary does not have the key \"" + key + '"');
    }
    const auto key = key_of<std::int64_t>(entry);
    const auto it = numbers_.find(key);
    if (it != numbers_.end()) return static_cast<std::size_t>(it->second);
    context.fail(ErrorCode::execution,
                 "the vocabulary does not have the key " + std::to_string(key));
  }

  std::int64_t size_ = 0;
  std::unordered_map<std::int64_t, std::int64_t> numbers_;
  std::unordered_map<std::string, std::int64_t> strings_;
};

class ZipMap final : public Kernel {
 public:
  explicit ZipMap(const CompileContext& context) {
    const Attributes& attributes = context.node.attributes;
    const auto numbers = attributes.integers("classlabels_int64s");
    const auto* words = attributes.get<std::vector<std::string>>("classlabels_strings");
    require_attribute(numbers.empty() != (words == nullptr || words->empty()),
                      "the keys must be either integers or strings");
    if (numbers.empty()) {
      take(std::span<const std::string>(*words));
    } else {
      take(numbers);
    }
  }

  void run(KernelContext& context) const override {
    const FeatureTable table = feature_table(context);
    if (table.columns != std::ssize(keys_)) {
      context.fail(ErrorCode::shape_mismatch, "there are " + std::to_string(table.columns) +
                                                  " columns for " + std::to_string(keys_.size()) +
                                                  " keys");
    }
    const float* from = table.x.as<float>().data();
    Sequence maps;
    maps.reserve(static_cast<std::size_t>(table.rows));
    for (std::int64_t row = 0; row < table.rows; ++row, from += table.columns) {
      context.check_cancelled();
      Map map;
      map.reserve(keys_.size());
      for (const auto& [key, column] : keys_) map.emplace_back(key, Tensor::scalar(from[column]));
      maps.emplace_back(Value(std::move(map)));
    }
    context.set_output(0, std::move(maps));
  }

 private:
  /// The keys in their order, each with its column.
  template <class T>
  void take(std::span<const T> keys) {
    std::vector<std::size_t> order(keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
    for (const std::size_t column : order) {
      require_attribute(keys_.empty() || keys_.back().first.template as<T>()[0] < keys[column],
                        "a key is there twice");
      keys_.emplace_back(Tensor::scalar(keys[column]), column);
    }
  }

  std::vector<std::pair<Tensor, std::size_t>> keys_;
};

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> dictionary_kernels() {
  constexpr std::string_view ml = "ai.onnx.ml";
  return {
      {ml, "CastMap", kernels::run_cast_map},
      {ml, "DictVectorizer", make_kernel<kernels::DictVectorizer>},
      {ml, "ZipMap", make_kernel<kernels::ZipMap>},
  };
}

}  // namespace inlay::inline v0
