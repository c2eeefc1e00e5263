// Operators on strings: StringConcat, StringNormalizer, StringSplit, TfIdfVectorizer.
#include <catch2/catch.hpp>

#include "backends/reference/text/unicode.hpp"
#include "error_check.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;
using Strings = std::vector<std::string>;

Tensor strings(std::initializer_list<std::string> values) { return Tensor::copy_of(values); }
Tensor strings(std::initializer_list<std::string> values, const Shape& shape) {
  return Tensor::copy_of(values, shape);
}

}  // namespace

TEST_CASE("UTF-8 is decoded strictly", "[ops][text]") {
  const auto decode = [](std::string_view text) {
    std::vector<std::uint32_t> codes;
    for (std::size_t at = 0; at < text.size();) codes.push_back(kernels::decode_utf8(text, at));
    return codes;
  };
  using Codes = std::vector<std::uint32_t>;
  constexpr std::uint32_t bad = kernels::invalid_code_point;
  CHECK(decode("aé€😀") == Codes{'a', 0xE9, 0x20AC, 0x1F600});
  CHECK(decode("\x80") == Codes{bad});
  CHECK(decode("\xC3") == Codes{bad});
  CHECK(decode("\xC3z") == Codes{bad, 'z'});
  CHECK(decode("\xC0\x80") == Codes{bad, bad});           // overlong
  CHECK(decode("\xE0\x9F\xBF") == Codes{bad, bad, bad});  // overlong
  CHECK(decode("\xED\xA0\x80") == Codes{bad, bad, bad});  // a surrogate
  CHECK(decode("\xF4\x8F\xBF\xBF") == Codes{0x10FFFF});
  CHECK(decode("\xF4\x90\x80\x80") == Codes{bad, bad, bad, bad});  // too large
  CHECK(decode("\xF5") == Codes{bad});
  for (const char32_t code : {0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    kernels::append_utf8(text, code);
    CHECK(decode(text) == Codes{code});
  }
}

TEST_CASE("Case is mapped one character to one", "[ops][text]") {
  struct Letter {
    char32_t code, upper, lower, folded;
  };
  // a, Z, e acute, sharp s (small, capital), y with diaeresis, the dz digraph in three cases, the
  // Kelvin sign, long s, dotted capital I, dotless i, final sigma, Cherokee, Deseret, a CJK sign.
  const Letter letters[] = {
      {'a', 'A', 'a', 'a'},
      {'Z', 'Z', 'z', 'z'},
      {'[', '[', '[', '['},
      {0xE9, 0xC9, 0xE9, 0xE9},
      {0xDF, 0xDF, 0xDF, 0xDF},
      {0x1E9E, 0x1E9E, 0xDF, 0xDF},
      {0xFF, 0x178, 0xFF, 0xFF},
      {0x1F1, 0x1F1, 0x1F3, 0x1F3},
      {0x1F2, 0x1F1, 0x1F3, 0x1F3},
      {0x1F3, 0x1F1, 0x1F3, 0x1F3},
      {0x212A, 0x212A, 'k', 'k'},
      {0x17F, 'S', 0x17F, 's'},
      {0x130, 0x130, 'i', 0x130},
      {0x131, 'I', 0x131, 0x131},
      {0x3C2, 0x3A3, 0x3C2, 0x3C3},
      {0xAB70, 0x13A0, 0xAB70, 0xAB70},
      {0x10428, 0x10400, 0x10428, 0x10428},
      {0x4E00, 0x4E00, 0x4E00, 0x4E00},
  };
  for (const Letter& letter : letters) {
    INFO(static_cast<std::uint32_t>(letter.code));
    CHECK(kernels::to_upper(letter.code) == letter.upper);
    CHECK(kernels::to_lower(letter.code) == letter.lower);
    CHECK(kernels::fold_case(letter.code) == letter.folded);
  }
  const auto cased = kernels::cased_characters();
  CHECK(cased.size() == 2880);
  for (const char32_t code : cased) {
    INFO(static_cast<std::uint32_t>(code));
    // The small sharp s has a capital only on the way back.
    CHECK((kernels::to_upper(code) != code || kernels::to_lower(code) != code || code == 0xDF));
  }
}

TEST_CASE("General categories have as many characters as Unicode 14", "[ops][text]") {
  const std::pair<const char*, std::size_t> sizes[] = {
      {"L", 131756}, {"Lu", 1831}, {"Ll", 2227}, {"M", 2408}, {"N", 1791},
      {"Nd", 660},   {"P", 819},   {"S", 7741},  {"Z", 19},   {"C", 969578}};
  for (const auto& [name, size] : sizes) {
    std::size_t count = 0;
    for (const kernels::CodeRange& range : kernels::category_ranges(name)) {
      count += range.last - range.first + 1;
    }
    INFO(name);
    CHECK(count == size);
  }
  CHECK(kernels::category_ranges("Z")[0] == kernels::CodeRange{0x20, 0x20});
  CHECK(kernels::category_ranges("M").back() == kernels::CodeRange{0xE0100, 0xE01EF});
  CHECK(kernels::category_ranges("Latin").empty());
}

TEST_CASE("StringConcat broadcasts", "[ops][text]") {
  check(run(call("StringConcat", {strings({"a", "b"}), strings({"x", "", "é"}, {3, 1})})),
        strings({"ax", "bx", "a", "b", "aé", "bé"}, {3, 2}));
  check(
      run(call("StringConcat", {Tensor::scalar(std::string("a")), Tensor::scalar(std::string())})),
      Tensor::scalar(std::string("a")));
  check(run(call("StringConcat", {Tensor(DType::string, {0, 2}), strings({"a"})})),
        Tensor(DType::string, {0, 2}));
  CHECK_ERROR(run(call("StringConcat", {strings({"a", "b"}), strings({"a", "b", "c"})})),
              invalid_graph, "broadcast");
  CHECK_ERROR(run(call("StringConcat", {strings({"a"}), Tensor::copy_of({1.f})})), type_mismatch,
              "float32");
}

TEST_CASE("StringSplit at white space", "[ops][text]") {
  const Tensor x = strings({"  a b  c ", "", "é\u3000x\ty", " \n"}, {2, 2});
  const auto split = [&](std::initializer_list<Attributes::Item> items) {
    return run(call("StringSplit", {x}, items, 20, 2));
  };
  const auto all = split({});
  check(all[0], {2, 2, 3}, Strings{"a", "b", "c", "", "", "", "é", "x", "y", "", "", ""});
  check(all[1], {2, 2}, Int64s{3, 0, 3, 0});
  const auto once = split({{"delimiter", ""}, {"maxsplit", std::int64_t{1}}});
  check(once[0], {2, 2, 2}, Strings{"a", "b  c", "", "", "é", "x\ty", "", ""});
  check(once[1], {2, 2}, Int64s{2, 0, 2, 0});
  check(split({{"maxsplit", std::int64_t{0}}})[0], {2, 2, 1},
        Strings{"a b  c", "", "é\u3000x\ty", ""});
  check(split({{"maxsplit", std::int64_t{2}}})[0], all[0].tensor().shape(),
        Strings{"a", "b", "c", "", "", "", "é", "x", "y", "", "", ""});
}

TEST_CASE("StringSplit at a delimiter", "[ops][text]") {
  const Tensor x = strings({"a--b--", "--", "", "a-b"});
  const auto split = [&](std::initializer_list<Attributes::Item> items) {
    Call c = call("StringSplit", {x}, items, 20, 2);
    c.attributes.set("delimiter", "--");
    return run(c);
  };
  const auto all = split({});
  check(all[0], {4, 3}, Strings{"a", "b", "", "", "", "", "", "", "", "a-b", "", ""});
  check(all[1], {4}, Int64s{3, 2, 1, 1});
  const auto once = split({{"maxsplit", std::int64_t{1}}});
  check(once[0], {4, 2}, Strings{"a", "b--", "", "", "", "", "a-b", ""});
  check(once[1], {4}, Int64s{2, 2, 1, 1});
  const auto none = run(call("StringSplit", {Tensor(DType::string, {2, 0})}, {}, 20, 2));
  check(none[0], {2, 0, 0}, Strings{});
  check(none[1], {2, 0}, Int64s{});
  const auto scalar = run(call("StringSplit", {Tensor::scalar(std::string("x y"))}, {}, 20, 2));
  check(scalar[0], {2}, Strings{"x", "y"});
  check(scalar[1], {}, Int64s{2});
}

TEST_CASE("StringNormalizer drops stop words and changes case", "[ops][text]") {
  const Tensor x = strings({"Monday", "MONDAY", "été", "ΟΣ"});
  const auto normalize = [](const Tensor& input, std::initializer_list<Attributes::Item> items) {
    return run(call("StringNormalizer", {input}, items));
  };
  const Attributes::Item upper{"case_change_action", "UPPER"};
  const Attributes::Item lower{"case_change_action", "LOWER"};
  const Attributes::Item sensitive{"is_case_sensitive", std::int64_t{1}};
  const Attributes::Item stop{"stopwords", Strings{"monday", "ÉTÉ"}};
  check(normalize(x, {}), x);
  check(normalize(x, {upper}), strings({"MONDAY", "MONDAY", "ÉTÉ", "ΟΣ"}));
  check(normalize(x, {lower}), strings({"monday", "monday", "été", "οσ"}));
  check(normalize(x, {stop}), strings({"ΟΣ"}));
  check(normalize(x, {stop, sensitive}), x);
  check(normalize(x, {{"stopwords", Strings{"Monday"}}, sensitive, upper}),
        strings({"MONDAY", "ÉTÉ", "ΟΣ"}));
  check(normalize(strings({"été", "x"}, {1, 2}), {stop, upper}), strings({"X"}, {1, 1}));
  check(normalize(strings({"Monday"}), {stop}), strings({""}));
  check(normalize(strings({"Monday"}, {1, 1}), {stop}), strings({""}, {1, 1}));
  check(normalize(Tensor(DType::string, {0}), {}), strings({""}));
  check(normalize(Tensor(DType::string, {1, 0}), {}), strings({""}, {1, 1}));
  // Bytes that are no characters stay.
  check(normalize(strings({"a\xFF\xC3"}), {upper}), strings({"A\xFF\xC3"}));
  check(normalize(strings({"Iıiİ"}), {lower, {"locale", "tr_TR"}}), strings({"ııii"}));
  check(normalize(strings({"Iıiİ"}), {upper, {"locale", "az"}}), strings({"IIİİ"}));
  CHECK_ERROR(normalize(strings({"a", "b"}, {2, 1}), {}), invalid_graph, "first axis");
  CHECK_ERROR(normalize(Tensor::scalar(std::string()), {}), invalid_graph, "rank 0");
  CHECK_ERROR(normalize(x, {{"case_change_action", "TITLE"}}), invalid_graph, "TITLE");
}

namespace {

/// 2, 3, 5, 4, then the pairs (5, 6), (7, 8), (6, 7).
std::vector<Value> tfidf(const Tensor& x, std::initializer_list<Attributes::Item> items) {
  Call c = call("TfIdfVectorizer", {x},
                {{"mode", "TF"},
                 {"min_gram_length", std::int64_t{1}},
                 {"max_gram_length", std::int64_t{2}},
                 {"max_skip_count", std::int64_t{0}},
                 {"ngram_counts", Int64s{0, 4}},
                 {"ngram_indexes", Int64s{0, 1, 2, 3, 4, 5, 6}},
                 {"pool_int64s", Int64s{2, 3, 5, 4, 5, 6, 7, 8, 6, 7}}});
  for (const auto& [key, value] : items) c.attributes.set(key, value);
  return run(c);
}

const Int64s tokens{1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8};

}  // namespace

TEST_CASE("TfIdfVectorizer counts n-grams", "[ops][text]") {
  const Tensor x = Tensor::copy_of(std::span<const std::int64_t>(tokens), {2, 6});
  check(tfidf(x, {})[0], {2, 7}, Floats{0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1});
  check(tfidf(x, {{"max_skip_count", std::int64_t{5}}})[0], {2, 7},
        Floats{0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1});
  check(tfidf(x, {{"max_skip_count", std::numeric_limits<std::int64_t>::max()},
                  {"min_gram_length", std::int64_t{2}}})[0],
        {2, 7}, Floats{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1});
  check(tfidf(x, {{"max_gram_length", std::int64_t{1}}})[0], {2, 7},
        Floats{0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0});
  check(tfidf(Tensor::copy_of<std::int32_t>({5, 6, 5}), {})[0], {7}, Floats{0, 0, 2, 0, 1, 0, 0});
  check(tfidf(Tensor(DType::int64, {0}), {})[0], {7}, Floats(7));
  check(tfidf(Tensor(DType::int64, {2, 0}), {})[0], {2, 7}, Floats(14));
  check(tfidf(Tensor(DType::int64, {0, 3}), {})[0], {0, 7}, Floats{});
}

TEST_CASE("TfIdfVectorizer weights n-grams, each with its own", "[ops][text]") {
  const Tensor x = Tensor::copy_of<std::int64_t>({3, 3, 5, 6, 7});
  const Attributes::Item weights{"weights", Floats{1, 2, 3, 4, 5, 6, 7}};
  check(tfidf(x, {weights})[0], {7}, Floats{0, 2, 1, 0, 1, 0, 1});
  check(tfidf(x, {{"mode", "IDF"}})[0], {7}, Floats{0, 1, 1, 0, 1, 0, 1});
  check(tfidf(x, {{"mode", "IDF"}, weights})[0], {7}, Floats{0, 2, 3, 0, 5, 0, 7});
  check(tfidf(x, {{"mode", "TFIDF"}, weights})[0], {7}, Floats{0, 4, 3, 0, 5, 0, 7});
  // The weight belongs to the n-gram, not to the place it has in the output.
  check(tfidf(x, {{"mode", "TFIDF"}, weights, {"ngram_indexes", Int64s{6, 5, 4, 3, 2, 1, 0}}})[0],
        {7}, Floats{7, 0, 5, 0, 3, 4, 0});
  check(tfidf(x, {{"mode", "TFIDF"}, weights, {"ngram_indexes", Int64s{0, 1, 2, 2, 2, 2, 0}}})[0],
        {3}, Floats{7, 4, 8});
}

TEST_CASE("TfIdfVectorizer takes strings", "[ops][text]") {
  Call c = call("TfIdfVectorizer", {strings({"a", "b", "a", "", "b"})},
                {{"mode", "TF"},
                 {"min_gram_length", std::int64_t{2}},
                 {"max_gram_length", std::int64_t{3}},
                 {"max_skip_count", std::int64_t{1}},
                 {"ngram_counts", Int64s{0, 1, 5}},
                 {"ngram_indexes", Int64s{0, 3, 1, 2}},
                 {"pool_strings", Strings{"a", "a", "b", "a", "a", "a", "", "b"}}});
  // The pairs (a, b) and (a, a), the triple (a, "", b); skipping one, a b, b "", and a b again.
  check(run(c)[0], {4}, Floats{0, 1, 1, 2});
  c.inputs = {Tensor(DType::string, {1, 0})};
  check(run(c)[0], {1, 4}, Floats(4));
}

TEST_CASE("TfIdfVectorizer refuses pools that do not hold together", "[ops][text]") {
  const Tensor x = Tensor::copy_of<std::int64_t>({1});
  const auto fails = [&](std::initializer_list<Attributes::Item> items, const std::string& text) {
    CHECK_ERROR(tfidf(x, items), invalid_graph, text);
  };
  fails({{"mode", "BM25"}}, "BM25");
  fails({{"min_gram_length", std::int64_t{0}}}, "min_gram_length");
  fails({{"max_gram_length", std::int64_t{3}}}, "ngram_counts is shorter");
  fails({{"max_skip_count", std::int64_t{-1}}}, "max_skip_count");
  fails({{"ngram_counts", Int64s{0, 3}}}, "2-grams");
  fails({{"ngram_counts", Int64s{0, 12}}}, "1-grams");
  fails({{"ngram_counts", Int64s{-1, 4}}}, "1-grams");
  fails({{"ngram_indexes", Int64s{0, 1, 2}}}, "ngram_indexes is shorter");
  fails({{"ngram_indexes", Int64s{0, 1, 2, 3, 4, 5, -6}}}, "ngram_indexes has -6");
  fails({{"ngram_indexes", Int64s{0, std::numeric_limits<std::int64_t>::max()}}},
        "ngram_indexes has 9223372036854775807");
  fails({{"mode", "IDF"}, {"weights", Floats{1}}}, "1 weights");
  fails({{"pool_int64s", Int64s{2, 3, 5, 4, 5, 6, 7, 8, 5, 6}}}, "twice");
  fails({{"pool_strings", Strings{"a"}}}, "either");
  CHECK_ERROR(tfidf(Tensor(DType::int64, {1, 1, 1}), {}), invalid_graph, "rank 3");
}
