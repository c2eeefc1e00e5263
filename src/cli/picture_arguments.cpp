#include "picture_arguments.hpp"

#include <cstdio>

namespace inlay::cli {
namespace {

template <class Enum>
std::vector<std::string> words_of(const std::map<std::string, Enum>& names) {
  std::vector<std::string> words;
  for (const auto& [word, value] : names) words.push_back(word);
  return words;
}

template <class Enum>
CLI::Option* add_choice(CLI::App& command, const std::string& name, Enum& value,
                        const std::string& help, const std::map<std::string, Enum>& names) {
  return command
      .add_option_function<std::string>(
          name, [&value, names](const std::string& word) { value = names.at(word); }, help)
      ->check(CLI::IsMember(words_of(names)));
}

}  // namespace

PictureOptions PictureArguments::options() const {
  PictureOptions options;
  if (!size.empty()) {
    if (std::sscanf(size.c_str(), "%dx%d", &options.width, &options.height) != 2) {
      throw Error(ErrorCode::invalid_argument, "--size is WIDTHxHEIGHT, such as 224x224");
    }
  }
  options.fit = fit;
  options.channels_given = channels.has_value();
  options.pixels = {.scale = scale,
                    .mean = mean,
                    .std = std,
                    .layout = layout,
                    .channels = channels.value_or(io::Channels::rgb)};
  return options;
}

void add_picture_options(CLI::App& command, PictureArguments& arguments) {
  const std::string group = "Pictures: (pixel * scale - mean) / std, pixels from 0 to 255";
  command.add_option("--scale", arguments.scale, "Default: 1/255")->group(group);
  command.add_option("--mean", arguments.mean, "One number, or one for each channel: 0.4,0.5,0.6")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--std", arguments.std, "The same")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--size", arguments.size, "WIDTHxHEIGHT; default: the model's own")
      ->group(group);
  add_choice<io::Layout>(command, "--layout", arguments.layout, "Default: nchw",
                         {{"nchw", io::Layout::nchw}, {"nhwc", io::Layout::nhwc}})
      ->group(group);
  add_choice<io::Fit>(
      command, "--fit", arguments.fit, "How the picture gets its size; default: stretch",
      {{"stretch", io::Fit::stretch}, {"crop", io::Fit::crop}, {"pad", io::Fit::pad}})
      ->group(group);
  add_choice<std::optional<io::Channels>>(
      command, "--channels", arguments.channels,
      "Default: rgb, or gray when the model takes one channel",
      {{"rgb", io::Channels::rgb}, {"bgr", io::Channels::bgr}, {"gray", io::Channels::gray}})
      ->group(group);
}

}  // namespace inlay::cli
