// Builds ONNX files message by message, well-formed or not, for the tests of the reader.
#pragma once

#include <protozero/pbf_writer.hpp>

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/onnx/proto.hpp"
#include "inlay/graph.hpp"
#include "inlay/inlay.hpp"

namespace inlay::test::onnx_file {

namespace proto = inlay::onnx;
using protozero::pbf_writer;
using Strings = std::vector<std::string>;

/// The bytes of a message that `write` fills.
template <class F>
std::string message(F&& write) {
  std::string bytes;
  pbf_writer writer(bytes);
  write(writer);
  return bytes;
}

inline std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// ---- tensors

/// A TensorProto; `write` adds the elements.
template <class F>
std::string tensor(const std::string& name, DType dtype, const std::vector<std::int64_t>& dims,
                   F&& write) {
  return message([&](pbf_writer& w) {
    w.add_packed_int64(proto::tensor_field::dims, dims.begin(), dims.end());
    w.add_int32(proto::tensor_field::data_type, static_cast<std::int32_t>(dtype));
    if (!name.empty()) w.add_string(proto::tensor_field::name, name);
    write(w);
  });
}

inline std::string raw_tensor(const std::string& name, DType dtype,
                              const std::vector<std::int64_t>& dims, const std::string& raw) {
  return tensor(name, dtype, dims,
                [&](pbf_writer& w) { w.add_bytes(proto::tensor_field::raw_data, raw); });
}

inline std::string floats(const std::string& name, const std::vector<float>& values) {
  return tensor(name, DType::float32, {static_cast<std::int64_t>(values.size())},
                [&](pbf_writer& w) {
                  w.add_packed_float(proto::tensor_field::float_data, values.begin(), values.end());
                });
}

inline std::string ints(const std::string& name, const std::vector<std::int64_t>& values,
                        std::vector<std::int64_t> dims = {}) {
  if (dims.empty()) dims = {static_cast<std::int64_t>(values.size())};
  return tensor(name, DType::int64, dims, [&](pbf_writer& w) {
    w.add_packed_int64(proto::tensor_field::int64_data, values.begin(), values.end());
  });
}

inline std::string entry(const std::string& key, const std::string& value) {
  return message([&](pbf_writer& w) {
    w.add_string(proto::entry_field::key, key);
    w.add_string(proto::entry_field::value, value);
  });
}

inline std::string external_tensor(const std::string& name, DType dtype,
                                   const std::vector<std::int64_t>& dims,
                                   const std::vector<std::pair<std::string, std::string>>& keys) {
  return tensor(name, dtype, dims, [&](pbf_writer& w) {
    for (const auto& [key, value] : keys) {
      w.add_message(proto::tensor_field::external_data, entry(key, value));
    }
    w.add_enum(proto::tensor_field::data_location, proto::external_location);
  });
}

inline std::string sparse_tensor(const std::string& values, const std::string& indices,
                                 const std::vector<std::int64_t>& dims) {
  return message([&](pbf_writer& w) {
    w.add_message(proto::sparse_field::values, values);
    w.add_message(proto::sparse_field::indices, indices);
    w.add_packed_int64(proto::sparse_field::dims, dims.begin(), dims.end());
  });
}

// ---- types

inline std::string tensor_type(DType dtype, const std::vector<Dim>& dims) {
  const std::string shape = message([&](pbf_writer& w) {
    for (const Dim& dim : dims) {
      w.add_message(proto::shape_field::dim, message([&](pbf_writer& d) {
                      if (!dim.symbol.empty()) d.add_string(proto::dim_field::param, dim.symbol);
                      if (dim.known()) d.add_int64(proto::dim_field::value, dim.value);
                    }));
    }
  });
  return message([&](pbf_writer& w) {
    w.add_message(proto::type_field::tensor_type, message([&](pbf_writer& t) {
                    t.add_int32(proto::tensor_type_field::elem_type,
                                static_cast<std::int32_t>(dtype));
                    t.add_message(proto::tensor_type_field::shape, shape);
                  }));
  });
}

/// A sequence (type_field::sequence_type) or an optional (type_field::optional_type) of `element`.
inline std::string container_type(std::uint32_t kind, const std::string& element) {
  return message([&](pbf_writer& w) {
    w.add_message(kind, message([&](pbf_writer& t) {
                    t.add_message(proto::container_type_field::elem_type, element);
                  }));
  });
}

/// A map from `keys` to `values`.
inline std::string map_type(DType keys, const std::string& values) {
  return message([&](pbf_writer& w) {
    w.add_message(proto::type_field::map_type, message([&](pbf_writer& t) {
                    t.add_int32(proto::map_type_field::key_type, static_cast<std::int32_t>(keys));
                    t.add_message(proto::map_type_field::value_type, values);
                  }));
  });
}

inline std::string value_info(const std::string& name, const std::string& type = {}) {
  return message([&](pbf_writer& w) {
    w.add_string(proto::value_info_field::name, name);
    if (!type.empty()) w.add_message(proto::value_info_field::type, type);
  });
}

inline std::string float_input(const std::string& name, const std::vector<Dim>& dims = {2}) {
  return value_info(name, tensor_type(DType::float32, dims));
}

// ---- attributes and nodes

template <class F>
std::string attribute(const std::string& name, proto::AttributeType type, F&& write) {
  return message([&](pbf_writer& w) {
    w.add_string(proto::attribute_field::name, name);
    w.add_enum(proto::attribute_field::type, static_cast<std::int32_t>(type));
    write(w);
  });
}

inline std::string int_attribute(const std::string& name, std::int64_t value) {
  return attribute(name, proto::AttributeType::int_value,
                   [&](pbf_writer& w) { w.add_int64(proto::attribute_field::i, value); });
}

inline std::string string_attribute(const std::string& name, const std::string& value) {
  return attribute(name, proto::AttributeType::string,
                   [&](pbf_writer& w) { w.add_bytes(proto::attribute_field::s, value); });
}

inline std::string ints_attribute(const std::string& name,
                                  const std::vector<std::int64_t>& values) {
  return attribute(name, proto::AttributeType::ints, [&](pbf_writer& w) {
    for (const auto value : values) w.add_int64(proto::attribute_field::ints, value);
  });
}

inline std::string floats_attribute(const std::string& name, const std::vector<float>& values) {
  return attribute(name, proto::AttributeType::floats, [&](pbf_writer& w) {
    for (const float value : values) w.add_float(proto::attribute_field::floats, value);
  });
}

inline std::string strings_attribute(const std::string& name, const Strings& values) {
  return attribute(name, proto::AttributeType::strings, [&](pbf_writer& w) {
    for (const auto& value : values) w.add_bytes(proto::attribute_field::strings, value);
  });
}

inline std::string tensor_attribute(const std::string& name, const std::string& value) {
  return attribute(name, proto::AttributeType::tensor,
                   [&](pbf_writer& w) { w.add_message(proto::attribute_field::t, value); });
}

inline std::string graph_attribute(const std::string& name, const std::string& graph) {
  return attribute(name, proto::AttributeType::graph,
                   [&](pbf_writer& w) { w.add_message(proto::attribute_field::g, graph); });
}

inline std::string ref_attribute(const std::string& name, const std::string& of_function,
                                 proto::AttributeType type) {
  return attribute(name, type, [&](pbf_writer& w) {
    w.add_string(proto::attribute_field::ref_attr_name, of_function);
  });
}

struct NodeOptions {
  std::string domain = {};
  std::string name = {};
  std::string overload = {};
};

inline std::string node(const std::string& op, const Strings& inputs, const Strings& outputs,
                        const Strings& attributes = {}, const NodeOptions& options = {}) {
  return message([&](pbf_writer& w) {
    for (const auto& input : inputs) w.add_string(proto::node_field::input, input);
    for (const auto& output : outputs) w.add_string(proto::node_field::output, output);
    w.add_string(proto::node_field::op_type, op);
    if (!options.name.empty()) w.add_string(proto::node_field::name, options.name);
    for (const auto& a : attributes) w.add_message(proto::node_field::attribute, a);
    if (!options.domain.empty()) w.add_string(proto::node_field::domain, options.domain);
    if (!options.overload.empty()) w.add_string(proto::node_field::overload, options.overload);
  });
}

// ---- graphs, functions, models: the messages of each repeated field

struct GraphFile {
  Strings nodes = {};
  Strings inputs = {};   ///< of value_info()
  Strings outputs = {};  ///< of value_info()
  Strings initializers = {};
  Strings sparse_initializers = {};
  std::string name = "g";

  std::string bytes() const {
    return message([&](pbf_writer& w) {
      for (const auto& m : nodes) w.add_message(proto::graph_field::node, m);
      w.add_string(proto::graph_field::name, name);
      for (const auto& m : initializers) w.add_message(proto::graph_field::initializer, m);
      for (const auto& m : inputs) w.add_message(proto::graph_field::input, m);
      for (const auto& m : outputs) w.add_message(proto::graph_field::output, m);
      for (const auto& m : sparse_initializers) {
        w.add_message(proto::graph_field::sparse_initializer, m);
      }
    });
  }
};

using Opsets = std::map<std::string, std::int64_t>;

inline void add_opsets(pbf_writer& w, std::uint32_t field, const Opsets& opsets) {
  for (const auto& [domain, version] : opsets) {
    w.add_message(field, message([&, d = domain, v = version](pbf_writer& o) {
                    if (!d.empty()) o.add_string(proto::opset_field::domain, d);
                    o.add_int64(proto::opset_field::version, v);
                  }));
  }
}

struct FunctionFile {
  std::string name = {};
  Strings inputs = {};
  Strings outputs = {};
  Strings nodes = {};
  Strings defaults = {};  ///< of attribute_proto
  std::string domain = "local";
  std::string overload = {};
  Opsets opsets = {{"", 17}, {"local", 1}};

  std::string bytes() const {
    return message([&](pbf_writer& w) {
      w.add_string(proto::function_field::name, name);
      for (const auto& m : inputs) w.add_string(proto::function_field::input, m);
      for (const auto& m : outputs) w.add_string(proto::function_field::output, m);
      for (const auto& m : nodes) w.add_message(proto::function_field::node, m);
      add_opsets(w, proto::function_field::opset_import, opsets);
      w.add_string(proto::function_field::domain, domain);
      for (const auto& m : defaults) w.add_message(proto::function_field::attribute_proto, m);
      if (!overload.empty()) w.add_string(proto::function_field::overload, overload);
    });
  }
};

struct ModelFile {
  GraphFile graph = {};
  std::vector<FunctionFile> functions = {};
  Opsets opsets = {{"", 17}, {"local", 1}};
  std::int64_t ir_version = 8;
  std::map<std::string, std::string> metadata = {};

  std::string bytes() const {
    return message([&](pbf_writer& w) {
      if (ir_version != 0) w.add_int64(proto::model_field::ir_version, ir_version);
      w.add_message(proto::model_field::graph, graph.bytes());
      add_opsets(w, proto::model_field::opset_import, opsets);
      for (const auto& [key, value] : metadata) {
        w.add_message(proto::model_field::metadata_props, entry(key, value));
      }
      for (const auto& f : functions) w.add_message(proto::model_field::functions, f.bytes());
    });
  }
};

/// A model of one graph.
inline std::string model(GraphFile graph) { return ModelFile{std::move(graph)}.bytes(); }

/// Reads a model from memory that stays alive.
inline Graph read(const std::string& bytes, const Limits& limits = {}) {
  return read_graph(*memory_reader(as_bytes(bytes)), limits);
}

/// The constant that a model of one initializer `t` holds; a copy of its elements.
inline Tensor read_initializer(const std::string& tensor_bytes) {
  const std::string bytes = model({.initializers = {tensor_bytes}});
  const Graph graph = read(bytes);
  return graph.values.at(0).constant.clone();
}

}  // namespace inlay::test::onnx_file
