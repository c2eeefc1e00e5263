// Einsum of the cpu backend, against the reference backend.
#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;
using test::with;

namespace {

Call einsum(const std::string& equation, const Tensor& a, const Tensor& b) {
  return {.op = "Einsum", .inputs = {a, b}, .attributes = with({{"equation", equation}})};
}

/// A random tensor with an axis per letter, 1 where `sizes` lacks it.
Tensor operand(std::mt19937& engine, std::string_view letters,
               const std::map<char, std::int64_t>& sizes) {
  Shape shape;
  for (const char letter : letters) {
    const auto size = sizes.find(letter);
    shape.push_back(size == sizes.end() ? 1 : size->second);
  }
  return random_tensor(engine, shape);
}

}  // namespace

TEST_CASE("cpu: Einsum is a batch of products, whatever the order of the labels", "[cpu]") {
  std::mt19937 engine(1);
  const std::map<char, std::int64_t> sizes{{'b', 2},  {'h', 3}, {'i', 17}, {'j', 19},
                                           {'k', 21}, {'l', 4}, {'e', 0}};
  for (const std::string equation :
       {"ik,kj->ij",       "ik,jk->ij",       "ki,kj->ji",       "ik,kj",         "bik,bkj->bij",
        "bhik,bhjk->bhij", "bihk,bjhk->bhij", "bhij,bjhk->bihk", "bik,hkj->bhij", "ikl,klj->ij",
        "kil,jlk->ij",     "ikl,lkj->ji",     "ik,k->i",         "k,kj->j",       "k,k->",
        "i,j->ij",         "i,j->ji",         "bk,bk->b",        "bik,bjk->ijb",  "ibk,jbk->ibj",
        "bi,bj->ijb",      "ik,j->ij",        "ikl,j->jl",       "ii,ij->j",      "bhi,bhi->bi",
        "xik,kj->xij",     "ik,kx->ix",       "ekj,ki->eji",     "ie,ej->ij",     "il,bjl->bij",
        "bkil,bklj->bij",  "bikl,bjlk->jbi"}) {
    CAPTURE(equation);
    const std::string::size_type comma = equation.find(',');
    const std::string::size_type arrow = std::min(equation.find("->"), equation.size());
    const Tensor a = operand(engine, equation.substr(0, comma), sizes);
    const Tensor b = operand(engine, equation.substr(comma + 1, arrow - comma - 1), sizes);
    check(einsum(equation, a, b), 2e-5);
  }
}

TEST_CASE("cpu: Einsum broadcasts axes of one and those under an ellipsis", "[cpu]") {
  std::mt19937 engine(2);
  const auto product = [&](const char* equation, const Shape& a, const Shape& b) {
    CAPTURE(equation, to_string(a), to_string(b));
    check(einsum(equation, random_tensor(engine, a), random_tensor(engine, b)), 2e-5);
  };
  product("...ik,...kj->...ij", {2, 3, 5, 7}, {3, 7, 9});
  product("...ik,...kj->...ij", {2, 1, 5, 7}, {3, 7, 9});
  product("...ik,...kj->ij...", {2, 3, 5, 7}, {3, 7, 9});
  product("bik,bkj->bij", {1, 5, 7}, {3, 7, 9});
  product("bik,bkj->bij", {3, 5, 1}, {3, 7, 9});
  product("bik,bkj->bij", {3, 1, 7}, {3, 7, 1});
  product("ik,kj->ij", {300, 40}, {40, 300});
  product("bki,bkj->bij", {2, 30, 300}, {2, 30, 10});
  product("bik,bjk->jbi", {2, 300, 30}, {2, 40, 30});
}

TEST_CASE("cpu: Einsum refuses sizes that differ", "[cpu]") {
  const Tensor a = Tensor::zeros(DType::float32, {2, 3}), b = Tensor::zeros(DType::float32, {4, 5});
  REQUIRE_THROWS_AS(test::run(einsum("ik,kj->ij", a, b), "cpu"), Error);
}
