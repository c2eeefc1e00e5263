// One description of everything that a prepared file stores, for writing and for reading:
// fields(archive, object) names the fields in order, and the archive writes or fills them.
#pragma once

#include <type_traits>
#include <variant>

#include "formats/prepared/archive.hpp"
#include "formats/prepared/prepared_file.hpp"

namespace inlay::inline v0::prepared {

template <class A>
struct Fields {
  A& a;  ///< a Writer or a Reader

  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) void operator()(T& number) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = number ? 1 : 0;  // other bytes than 0 and 1 are no bool
      a.raw(&byte, 1);
      number = byte != 0;
    } else {
      a.raw(&number, sizeof number);
    }
  }

  void operator()(std::string& text) {
    const std::size_t size = a.count(text.size());
    if constexpr (A::reading) text.resize(size);
    a.raw(text.data(), size);
  }

  template <class T>
  void operator()(std::vector<T>& items) {
    const std::size_t count = a.count(items.size());
    // One by one: a wrong count must not ask for memory that nothing in the file stands for.
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (A::reading) items.emplace_back();
      (*this)(items[i]);
    }
  }

  template <class First, class Second>
  void operator()(std::pair<First, Second>& pair) {
    (*this)(pair.first);
    (*this)(pair.second);
  }

  template <class Key, class T>
  void operator()(std::map<Key, T>& map) {
    std::vector<std::pair<Key, T>> items(map.begin(), map.end());
    (*this)(items);
    if constexpr (A::reading) map.insert(items.begin(), items.end());
  }

  void operator()(Dim& dim) {
    (*this)(dim.value);
    (*this)(dim.symbol);
    if (dim.value < -1) Reader::fail("has an axis of negative size");
  }

  void operator()(DType& dtype) {
    a.raw(&dtype, sizeof dtype);
    if (dtype != DType::undefined && bit_width(dtype) == 0) Reader::fail("names an unknown dtype");
  }

  void operator()(Type& type) {
    const auto level = a.level();
    (*this)(type.kind);
    if (type.kind > Type::Kind::map) Reader::fail("names an unknown kind of value");
    (*this)(type.dtype);
    (*this)(type.has_rank);
    (*this)(type.dims);
    bool has_element = type.element != nullptr;
    (*this)(has_element);
    if (!has_element) return;
    Type element = type.element ? *type.element : Type();
    (*this)(element);
    type.element = std::make_shared<const Type>(std::move(element));
  }

  void operator()(Shape& shape) {
    std::vector<std::int64_t> dims(shape.begin(), shape.end());
    (*this)(dims);
    shape = Shape(dims);
  }

  void operator()(Tensor& tensor) {
    enum class Elements : std::uint8_t { undefined, none, strings, numbers };
    auto elements = !tensor.defined()                 ? Elements::undefined
                    : !tensor.has_elements()          ? Elements::none
                    : tensor.dtype() == DType::string ? Elements::strings
                                                      : Elements::numbers;
    (*this)(elements);
    if (elements == Elements::undefined) return;
    DType dtype = tensor.dtype();
    Shape shape = tensor.shape();
    (*this)(dtype);
    (*this)(shape);
    if constexpr (A::reading) {
      if (dtype == DType::undefined ||
          (dtype == DType::string) != (elements == Elements::strings)) {
        Reader::fail("has a tensor of a wrong dtype");
      }
    }
    if (elements == Elements::none) {
      if constexpr (A::reading) {
        (void)a.checked_size(dtype, shape);
        tensor = Tensor::without_elements(dtype, shape);
      }
    } else if (elements == Elements::strings) {
      std::vector<std::string> strings;
      if constexpr (!A::reading) {
        const auto from = tensor.as<std::string>();
        strings.assign(from.begin(), from.end());
      }
      (*this)(strings);
      if constexpr (A::reading) {
        tensor = Tensor::copy_of(std::span<const std::string>(strings), shape);
      }
    } else if (elements == Elements::numbers) {
      std::uint64_t offset = 0;
      if constexpr (!A::reading) offset = a.place(tensor);
      (*this)(offset);
      if constexpr (A::reading) tensor = a.tensor_at(offset, dtype, shape);
    } else {
      Reader::fail("has a tensor of an unknown kind");
    }
  }

  void operator()(std::shared_ptr<Graph>& graph) {
    if constexpr (A::reading) graph = std::make_shared<Graph>();
    (*this)(*graph);
  }

  template <class... Ts>
  void operator()(std::variant<Ts...>& variant) {
    auto index = static_cast<std::uint8_t>(variant.index());
    (*this)(index);
    if constexpr (A::reading) {
      if (index >= sizeof...(Ts)) Reader::fail("has an attribute of an unknown kind");
      std::size_t i = 0;
      ((i++ == index ? static_cast<void>(variant.template emplace<Ts>()) : static_cast<void>(0)),
       ...);
    }
    std::visit(*this, variant);
  }

  void operator()(Attributes& attributes) {
    std::vector<Attributes::Item> items(attributes.begin(), attributes.end());
    (*this)(items);
    if constexpr (A::reading) {
      for (Attributes::Item& item : items) attributes.set(item.first, std::move(item.second));
    }
  }

  void operator()(Node& node) {
    a.count_node();
    (*this)(node.domain);
    (*this)(node.op);
    (*this)(node.name);
    (*this)(node.version);
    (*this)(node.inputs);
    (*this)(node.outputs);
    (*this)(node.attributes);
  }

  /// The types of nodes' outputs are inferred anew, since a file is not believed what it says.
  void operator()(ValueInfo& value) {
    (*this)(value.name);
    Type type;
    if (!A::reading && value.producer == no_id && !value.is_constant()) type = value.type;
    (*this)(type);
    if constexpr (A::reading) value.type = std::move(type);
    (*this)(value.constant);
  }

  void operator()(Capture& capture) {
    (*this)(capture.outer);
    (*this)(capture.inner);
  }

  void operator()(Graph& graph) {
    const auto level = a.level();
    (*this)(graph.name);
    (*this)(graph.values);
    (*this)(graph.nodes);
    (*this)(graph.inputs);
    (*this)(graph.outputs);
    (*this)(graph.captures);
    (*this)(graph.opsets);
    (*this)(graph.metadata);
    if constexpr (A::reading) find_producers(graph);
  }

  void operator()(Source& source) {
    (*this)(source.location);
    (*this)(source.bytes);
    (*this)(source.checksum);
  }

 private:
  static void find_producers(Graph& graph) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const ValueId id : graph.nodes[i].outputs) {
        if (id == no_id) continue;
        if (id < 0 || static_cast<std::size_t>(id) >= graph.values.size()) {
          Reader::fail("names a value that there is not");
        }
        graph.value(id).producer = static_cast<NodeId>(i);
      }
    }
  }
};

}  // namespace inlay::inline v0::prepared
