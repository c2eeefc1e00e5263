// SourceReader: reads through another reader, each file once, and can tell what it read.
#pragma once

#include <memory>
#include <vector>

#include "formats/prepared/prepared_file.hpp"

namespace inlay::inline v0 {

class SourceReader final : public Reader {
 public:
  /// `read` (may be null) is told of every file, external data included.
  SourceReader(Reader& reader, std::vector<prepared::Source>* read)
      : reader_(reader), read_(read) {}

  std::string name() const override { return reader_.name(); }
  Bytes read() override;
  std::unique_ptr<Reader> sibling(const std::string& location) override;

 private:
  SourceReader(std::unique_ptr<Reader> reader, std::string location,
               std::vector<prepared::Source>* read)
      : owned_(std::move(reader)), reader_(*owned_), location_(std::move(location)), read_(read) {}

  std::unique_ptr<Reader> owned_;
  Reader& reader_;
  std::string location_;
  std::vector<prepared::Source>* read_;
  Bytes bytes_;
  bool is_read_ = false;
};

}  // namespace inlay::inline v0
