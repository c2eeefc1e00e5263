// LabelEncoder, CategoryMapper and OneHotEncoder: elements looked up in a list.
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "backends/reference/convert.hpp"
#include "backends/reference/ml/features.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

using KeyTypes = Types<std::string, std::int64_t, std::int32_t, std::int16_t, float, double>;

/// Where a key is in a list; of equal keys the last counts. All NaN are equal, and so are zeros.
class KeyIndex {
 public:
  explicit KeyIndex(const Tensor& keys) : dtype_(keys.dtype()) {
    visit_dtype<KeyTypes>(dtype_, [&]<class T>() {
      std::int64_t place = 0;
      for (const T& key : keys.as<T>()) {
        if constexpr (std::is_same_v<T, std::string>) {
          strings_[key] = place++;
        } else {
          numbers_[bits(key)] = place++;
        }
      }
    });
  }

  DType dtype() const { return dtype_; }

  /// Negative when the list does not have it.
  std::int64_t find(const std::string& key) const {
    const auto it = strings_.find(key);
    return it == strings_.end() ? -1 : it->second;
  }
  template <class T>
  std::int64_t find(T key) const {
    const auto it = numbers_.find(bits(key));
    return it == numbers_.end() ? -1 : it->second;
  }

 private:
  template <class T>
  static std::int64_t bits(T key) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(key)) key = std::numeric_limits<T>::quiet_NaN();
      return std::bit_cast<std::int64_t>(key == 0 ? 0.0 : static_cast<double>(key));
    } else {
      return key;
    }
  }

  DType dtype_;
  std::unordered_map<std::string, std::int64_t> strings_;
  std::unordered_map<std::int64_t, std::int64_t> numbers_;
};

template <class T>
Tensor list_tensor(std::span<const T> values) {
  return Tensor::copy_of(values, {std::ssize(values)});
}

/// The attribute of that name as a list, empty when absent.
Tensor string_list(const Attributes& attributes, std::string_view name) {
  const auto* values = attributes.get<std::vector<std::string>>(name);
  return list_tensor(values != nullptr ? std::span<const std::string>(*values)
                                       : std::span<const std::string>());
}
Tensor int64_list(const Attributes& attributes, std::string_view name) {
  return list_tensor(attributes.integers(name));
}

/// The one of prefix_strings, prefix_int64s, prefix_floats and prefix_tensor that is there.
Tensor any_list(const Attributes& attributes, const std::string& prefix) {
  Tensor found;
  for (const Tensor& list :
       {string_list(attributes, prefix + "_strings"), int64_list(attributes, prefix + "_int64s"),
        list_tensor(attributes.reals(prefix + "_floats")),
        attributes.get<Tensor>(prefix + "_tensor", Tensor())}) {
    if (list.size() == 0) continue;
    require_attribute(!found.defined(), "more than one of " + prefix + "_* is given");
    found = list;
  }
  require_attribute(found.defined(), "none of " + prefix + "_* is given");
  return found;
}

/// What an element becomes that is no key, as a tensor of one element: default_tensor, or the
/// default_* of `dtype`.
Tensor default_value(const Attributes& attributes, DType dtype) {
  if (const auto* tensor = attributes.get<Tensor>("default_tensor")) {
    require_attribute(tensor->dtype() == dtype && tensor->size() == 1,
                      "default_tensor is not a single " + std::string(name(dtype)));
    return *tensor;
  }
  Tensor value(dtype, {});
  visit_dtype<KeyTypes>(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, std::string>) {
      value.as_mutable<T>()[0] = attributes.text("default_string", "_Unused");
    } else if constexpr (std::is_floating_point_v<T>) {
      value.as_mutable<T>()[0] = static_cast<T>(attributes.real("default_float", -0.0f));
    } else {
      value.as_mutable<T>()[0] = static_cast<T>(attributes.integer("default_int64", -1));
    }
  });
  return value;
}

/// The numbers 0, 1 … size - 1.
Tensor places(std::int64_t size) {
  Tensor tensor(DType::int64, {size});
  const auto values = tensor.as_mutable<std::int64_t>();
  std::iota(values.begin(), values.end(), std::int64_t{0});
  return tensor;
}

/// Replaces each key by the value at its place.
class Replace final : public Kernel {
 public:
  Replace(const Tensor& keys, Tensor values, const Attributes& attributes)
      : index_(keys),
        values_(std::move(values)),
        default_(default_value(attributes, values_.dtype())) {
    require_attribute(keys.size() == values_.size(),
                      "there are " + std::to_string(keys.size()) + " keys and " +
                          std::to_string(values_.size()) + " values");
  }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    if (x.dtype() != index_.dtype()) {
      context.fail(ErrorCode::type_mismatch, "the input holds " + std::string(name(x.dtype())) +
                                                 ", the keys are " +
                                                 std::string(name(index_.dtype())));
    }
    Tensor& y = context.output(0, values_.dtype(), x.shape());
    visit_dtype<KeyTypes>(x.dtype(), [&]<class Key>() {
      visit_dtype<KeyTypes>(y.dtype(), [&]<class Value>() {
        const auto values = values_.as<Value>();
        const Value& fallback = default_.as<Value>()[0];
        std::transform(x.as<Key>().begin(), x.as<Key>().end(), y.as_mutable<Value>().begin(),
                       [&](const Key& key) -> const Value& {
                         const std::int64_t place = index_.find(key);
                         return place < 0 ? fallback : values[static_cast<std::size_t>(place)];
                       });
      });
    });
  }

 private:
  KeyIndex index_;
  Tensor values_;
  Tensor default_;
};

/// The direction of a table of strings is told by the input.
bool from_strings(const CompileContext& context) { return context.dtype(0) == DType::string; }

std::unique_ptr<Kernel> make_label_encoder(const CompileContext& context) {
  const Attributes& attributes = context.node.attributes;
  if (context.node.version >= 2) {
    return std::make_unique<Replace>(any_list(attributes, "keys"), any_list(attributes, "values"),
                                     attributes);
  }
  const Tensor words = string_list(attributes, "classes_strings");
  if (from_strings(context)) {
    return std::make_unique<Replace>(words, places(words.size()), attributes);
  }
  return std::make_unique<Replace>(places(words.size()), words, attributes);
}

std::unique_ptr<Kernel> make_category_mapper(const CompileContext& context) {
  const Attributes& attributes = context.node.attributes;
  const Tensor words = string_list(attributes, "cats_strings");
  const Tensor numbers = int64_list(attributes, "cats_int64s");
  if (from_strings(context)) return std::make_unique<Replace>(words, numbers, attributes);
  return std::make_unique<Replace>(numbers, words, attributes);
}

class OneHotEncoder final : public Kernel {
 public:
  explicit OneHotEncoder(const CompileContext& context)
      : OneHotEncoder(context.node.attributes, from_strings(context)) {}

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    Shape shape = x.shape();
    shape.push_back(categories_);
    Tensor& y = context.output(0, shape);
    float* to = y.as_mutable<float>().data();
    std::fill_n(to, y.size(), 0.0f);
    visit_dtype<Union<FeatureTypes, Types<std::string>>>(x.dtype(), [&]<class T>() {
      for (const T& element : x.as<T>()) {
        const std::int64_t place = find(element);
        if (place >= 0) {
          to[place] = 1;
        } else if (!zeros_) {
          context.fail(ErrorCode::execution, "an element is none of the categories");
        }
        to += categories_;
      }
    });
  }

 private:
  OneHotEncoder(const Attributes& attributes, bool strings)
      : index_(strings ? string_list(attributes, "cats_strings")
                       : int64_list(attributes, "cats_int64s")),
        categories_(strings ? string_list(attributes, "cats_strings").size()
                            : int64_list(attributes, "cats_int64s").size()),
        zeros_(attributes.integer("zeros", 1) != 0) {
    require_attribute(categories_ > 0, "there are no categories of the input's type");
  }

  std::int64_t find(const std::string& element) const { return index_.find(element); }
  template <class T>
  std::int64_t find(T element) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (!(std::abs(element) < static_cast<T>(0x1p63))) return -1;
    }
    return index_.find(static_cast<std::int64_t>(element));
  }

  KeyIndex index_;
  std::int64_t categories_;
  bool zeros_;
};

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> lookup_kernels() {
  constexpr std::string_view ml = "ai.onnx.ml";
  return {
      {ml, "CategoryMapper", kernels::make_category_mapper},
      {ml, "LabelEncoder", kernels::make_label_encoder},
      {ml, "OneHotEncoder", make_kernel<kernels::OneHotEncoder>},
  };
}

}  // namespace inlay::inline v0
