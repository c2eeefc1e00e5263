// Prints the operators that ONNX models use, one per line, as INLAY_OPERATORS takes them. Run by
// CMake, before there is a library to ask.
#include <fstream>
#include <iostream>
#include <iterator>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <string>

namespace {

using Reader = protozero::pbf_reader;
using Names = std::set<std::string>;

void add_graph(Reader graph, Names& names, int depth);

void add_node(Reader node, Names& names, int depth) {
  std::string op, domain;
  while (node.next()) {
    if (node.tag() == 4) {  // NodeProto.op_type
      op = node.get_string();
    } else if (node.tag() == 7) {  // NodeProto.domain
      domain = node.get_string();
    } else if (node.tag() == 5) {  // NodeProto.attribute
      Reader attribute = node.get_message();
      while (attribute.next()) {
        if (attribute.tag() == 6 || attribute.tag() == 11) {  // AttributeProto.g, graphs
          add_graph(attribute.get_message(), names, depth + 1);
        } else {
          attribute.skip();
        }
      }
    } else {
      node.skip();
    }
  }
  names.insert(domain.empty() || domain == "ai.onnx" ? op : domain + ":" + op);
}

void add_nodes(Reader message, protozero::pbf_tag_type tag, Names& names, int depth) {
  if (depth > 100) throw std::runtime_error("subgraphs are nested too deeply");
  while (message.next()) {
    if (message.tag() == tag) {
      add_node(message.get_message(), names, depth);
    } else {
      message.skip();
    }
  }
}

void add_graph(Reader graph, Names& names, int depth) {
  add_nodes(graph, 1, names, depth);  // GraphProto.node
}

void add_model(const std::string& path, Names& names) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot be read");
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  Reader model(bytes);
  while (model.next()) {
    if (model.tag() == 7) {  // ModelProto.graph
      add_graph(model.get_message(), names, 0);
    } else if (model.tag() == 25) {                 // ModelProto.functions
      add_nodes(model.get_message(), 7, names, 0);  // FunctionProto.node
    } else {
      model.skip();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Names names;
  for (int i = 1; i < argc; ++i) {
    try {
      add_model(argv[i], names);
    } catch (const std::exception& error) {
      std::cerr << argv[i] << ": " << error.what() << '\n';
      return 1;
    }
  }
  for (const std::string& name : names) std::cout << name << '\n';
}
