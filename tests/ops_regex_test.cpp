// RegexFullMatch and the matcher behind it.
#include <catch2/catch.hpp>

#include "backends/reference/text/regex.hpp"
#include "error_check.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;
using namespace std::string_literals;

namespace {

bool matches(const kernels::Regex& regex, std::string_view text) {
  std::vector<std::uint32_t> work(regex.work_size());
  return regex.full_match(text, work, [] {});
}
bool matches(std::string_view pattern, std::string_view text) {
  return matches(kernels::Regex(pattern), text);
}

struct Pattern {
  const char* pattern;
  std::vector<std::string> matching;
  std::vector<std::string> others;
};

}  // namespace

TEST_CASE("Regular expressions match as in RE2", "[ops][text]") {
  const Pattern patterns[] = {
      {R"(abc)", {"abc"}, {"ab", "abcd", ""}},
      {R"()", {""}, {"a"}},
      {R"(a|b|cd)", {"a", "b", "cd"}, {"c", "abcd"}},
      {R"(a||b)", {"", "a", "b"}, {"ab"}},
      {R"(a*)", {"", "aaaa"}, {"ab"}},
      {R"(a+b?)", {"a", "aab"}, {"b"}},
      {R"(a*?b+?)", {"b", "aabb"}, {"a"}},
      {R"((?:a|b)*c)", {"c", "abbac"}, {"abd"}},
      {R"(a{2})", {"aa"}, {"a", "aaa"}},
      {R"(a{2,})", {"aa", "aaaaa"}, {"a"}},
      {R"(a{1,3})", {"a", "aaa"}, {"", "aaaa"}},
      {R"((ab){0,2})", {"", "ab", "abab"}, {"ababab"}},
      {R"(a{0}b)", {"b"}, {"ab"}},
      {R"((a*)*)", {"", "aaa"}, {"b"}},
      {R"((|a)+)", {"", "aa"}, {"b"}},
      {R"(((a{0,5}){0,5}){0,5}b)", {"b", "aab"}, {"a"}},
      {R"(.)", {"a", "é"}, {"\n", "", "ab"}},
      {R"((?s).)", {"\n", "a"}, {}},
      {R"(a.c)", {"abc"}, {"a\nc"}},
      {R"([a-c]x)", {"ax"}, {"dx"}},
      {R"([^a-c])", {"d", "\n", "é"}, {"a"}},
      {R"([]a])", {"]", "a"}, {}},
      {R"([^]a])", {"b"}, {"]"}},
      {R"([a\]b])", {"]", "a"}, {}},
      {R"([a-])", {"-", "a"}, {"b"}},
      {R"([\d\-x])", {"-", "x", "5"}, {"y"}},
      {R"([.])", {"."}, {"a"}},
      {R"(\d+)", {"0123456789"}, {"x"}},
      {R"(\D)", {"x"}, {"1"}},
      {R"(\w+)", {"aZ_9"}, {"-"}},
      {R"(\W)", {"-"}, {"a"}},
      {R"(\s+)", {" \t\n\r\f"}, {"x"}},
      {R"(\S)", {"x"}, {" "}},
      {R"(\.\*\+\?\(\)\[\]\{\}\|\^\$\\)", {".*+?()[]{}|^$\\"}, {"x"}},
      {R"(\a\f\t\n\r\v)", {"\a\f\t\n\r\v"}, {"a"}},
      {R"(\x41\101)", {"AA"}, {"A"}},
      {R"(^abc$)", {"abc"}, {"abc\n"}},
      {R"(a^b)", {}, {"ab", "a\nb"}},
      {R"((?m)a$\n^b)", {"a\nb"}, {"ab"}},
      {R"((?m)^$)", {""}, {"\n"}},
      {R"((?m)(^a$\n?)+)", {"a\na", "a\na\n"}, {"ab"}},
      {R"(\bab\b)", {"ab"}, {"ab "}},
      {R"(a\b.c)", {"a c"}, {"abc"}},
      {R"(a\Bb)", {"ab"}, {"a b"}},
      {R"((?i)abc)", {"ABC", "aBc"}, {"abd"}},
      {R"((?i:a)b)", {"Ab"}, {"AB"}},
      {R"((?i)[a-c]é)", {"Bé", "BÉ"}, {"dé"}},
      {R"((?P<x>a)b)", {"ab"}, {"b"}},
      {R"((a|ab)(c|bcd)(d*))", {"abcd", "ac"}, {"abd"}},
      {R"((\w+)@(\w+)\.com)", {"me@x.com"}, {"me@x.org", "@x.com"}},
      {R"((\d{1,3}\.){3}\d{1,3})", {"192.168.0.1"}, {"1.2.3", "1.2.3.4567"}},
      {R"(日本[語文]+)", {"日本語", "日本文語"}, {"日本"}},
      {R"((?:\+|-)?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)", {"-1.5e10", "+3"}, {".5", "1e"}},
      {R"(\Aab\z)", {"ab"}, {"ab\n"}},
      {R"(a$)", {"a"}, {"a\n"}},
      {R"(\Qa.b*\E+)", {"a.b*", "a.b**"}, {"aabb"}},
      {R"(\Q[x)", {"[x"}, {"x"}},
      {R"(\pL+)", {"aé日"}, {"a1"}},
      {R"(\p{Lu}\P{Lu})", {"Ab"}, {"AB"}},
      {R"(\p{^L})", {"1"}, {"a"}},
      {R"([\p{N}_]+)", {"1_½"}, {"a"}},
      {R"([^\pZ\pC])", {"a"}, {" ", "\001"}},
      {R"(\p{Any})", {"a", "\n"}, {""}},
      {R"([[:alpha:]]+)", {"aZ"}, {"é", "1"}},
      {R"([[:^digit:]x])", {"a", "x"}, {"1"}},
      {R"([[:word:][:space:]]+)", {"a_1 \t"}, {"-"}},
      {R"([[:xdigit:]]{2})", {"fF"}, {"g0"}},
      {R"([[:punct:]])", {"~"}, {"a"}},
      {R"(\x{1F600})", {"😀"}, {"x"}},
      {R"(\x{61}\141\0)", {"aa\000"s}, {"aa"}},
      {R"((?<n>a)(?U)b+)", {"abb"}, {"a"}},
      {R"((?i-s)A.)", {"aX"}, {"a\n"}},
      {R"((a(?i)b)c)", {"aBc"}, {"ABc", "aBC"}},
      {R"((?i)k+)", {"kK\u212a"}, {"x"}},
      {R"((?i)ſ)", {"S", "s"}, {}},
      {R"((?i)[^k])", {"x"}, {"K", "\u212a"}},
      {R"((?i)\p{Lu})", {"a"}, {"1"}},
      {R"((?i)\W)", {"-"}, {"\u212a", "k"}},
      {R"((?i)ß)", {"ẞ"}, {"S"}},
      {R"(a{,2})", {"a{,2}"}, {"aa"}},
      {R"(a{1,2,3})", {"a{1,2,3}"}, {}},
      {R"({)", {"{"}, {}},
      {R"(x{)", {"x{"}, {}},
      {R"(^*a)", {"a"}, {}},
      {R"((?:))", {""}, {"a"}},
      {R"([[a])", {"[", "a"}, {}},
      {R"([a&&b])", {"&", "a"}, {"c"}},
      {R"((?)a)", {"a"}, {}},
      {R"([^\x00-\x{10FFFF}])", {}, {"a", ""}},
  };
  for (const Pattern& row : patterns) {
    INFO(row.pattern);
    const kernels::Regex regex(row.pattern);
    for (const std::string& text : row.matching) {
      INFO(text);
      CHECK(matches(regex, text));
    }
    for (const std::string& text : row.others) {
      INFO(text);
      CHECK_FALSE(matches(regex, text));
    }
  }
}

TEST_CASE("Patterns that RE2 refuses are refused", "[ops][text]") {
  for (const char* pattern : {R"((a)",         R"(a))",        R"([a)",
                              R"([])",         R"([^])",       R"([b-a])",
                              R"([a-\d])",     R"(*a)",        R"(a|*)",
                              R"((?i)*)",      R"(a**)",       R"(a*+)",
                              R"(a{2}{3})",    R"(a*??)",      R"(a{2,1})",
                              R"(a{1001})",    R"(a{0,1001})", R"(((a{100}){10}){2})",
                              R"(\1)",         R"(\8)",        R"(\Z)",
                              R"(\E)",         R"(\e)",        R"(\é)",
                              R"(\x4)",        R"(\x{})",      R"(\x{110000})",
                              R"(\xg0)",       R"(a\)",        R"([\b])",
                              R"([[:foo:]])",  R"((?=a))",     R"((?!a))",
                              R"((?<=a)b)",    R"((?#c))",     R"((?x)a)",
                              R"((?-)a)",      R"((?i-)a)",    R"((?P<>a))",
                              R"((?P<a-b>a))", R"((?P=n))",    R"((?)",
                              R"((?i)",        R"(\p{)",       R"([a-)",
                              R"([\d)"}) {
    INFO(pattern);
    CHECK_ERROR(kernels::Regex(pattern), invalid_graph, "regular expression");
  }
  CHECK_ERROR(kernels::Regex("a\xFF"), invalid_graph, "UTF-8");
  CHECK_ERROR(kernels::Regex("a\\C"), unsupported, "\\C");
  CHECK_ERROR(kernels::Regex("\\p{Greek}"), unsupported, "'Greek'");
}

TEST_CASE("Bytes that are no characters match nothing", "[ops][text]") {
  CHECK_FALSE(matches("(?s).", "\xFF"));
  CHECK_FALSE(matches("[^a]", "\x80"));
  CHECK_FALSE(matches("a*", "a\xC3"));
  CHECK(matches("a\\x00b", "a\0b"s));
}

TEST_CASE("Matching takes time linear in the text", "[ops][text]") {
  const std::string text(20000, 'a');
  CHECK(matches("(a*)*", text));
  CHECK_FALSE(matches("(a*)*b", text));
  CHECK_FALSE(matches("(a|aa)+b", text));
  CHECK(matches("(?:a?){500}a{500}", std::string(500, 'a')));
  CHECK_FALSE(matches("(?:a?){500}a{500}", std::string(499, 'a')));
}

TEST_CASE("Patterns have limits", "[ops][text]") {
  std::string groups;
  for (int i = 0; i < 1000; ++i) groups += '(';
  groups += 'a';
  for (int i = 0; i < 1000; ++i) groups += ')';
  CHECK(matches(groups, "a"));
  CHECK_ERROR(kernels::Regex('(' + groups + ')'), limit, "too many groups");
  CHECK_ERROR(kernels::Regex("(" + std::string(100, 'a') + "){1000}"), limit, "steps");
  CHECK_ERROR(kernels::Regex(std::string(70000, 'a')), limit, "steps");
  std::string stars = "a";
  for (int i = 0; i < 900; ++i) stars = "(" + stars + ")*";
  CHECK(matches(stars, "aaaa"));
  CHECK_FALSE(matches(stars, "aab"));
}

TEST_CASE("RegexFullMatch tells which elements match", "[ops][text]") {
  const auto match = [](const Tensor& x, const char* pattern) {
    return run(call("RegexFullMatch", {x}, {{"pattern", pattern}}));
  };
  check(match(Tensor::copy_of<std::string>({"www.google.com", "google", "x.com", ""}, {2, 2}),
              R"(www\.[\w.-]+\.\bcom\b)"),
        Tensor::copy_of({true, false, false, false}, {2, 2}));
  check(match(Tensor::scalar("ab"s), "a."), Tensor::scalar(true));
  check(match(Tensor(DType::string, {0, 3}), "a"), Tensor(DType::boolean, {0, 3}));
  CHECK_ERROR(match(Tensor::scalar("a"s), "("), invalid_graph, "missing");
  CHECK_ERROR(run(call("RegexFullMatch", {Tensor::scalar("a"s)})), invalid_graph, "pattern");
  CHECK_ERROR(match(Tensor::scalar(1.f), "a"), type_mismatch, "string");
}
