#include "backends/reference/arguments.hpp"
#include "backends/reference/contrib/gqa.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// The sizes of heads, and whether K and V are packed with Q.
void read_gqa_heads(const KernelContext& context, GqaPlan& plan) {
  const std::int64_t heads = head_count(context, "num_heads");
  const std::int64_t kv_heads = head_count(context, "kv_num_heads");
  constexpr std::int64_t most = 1 << 24;  // keeps sums of heads from overflowing
  if (heads > most || kv_heads > most || heads % kv_heads != 0) {
    fail_gqa(context, "kv_num_heads must divide num_heads");
  }
  const Shape& q = context.input(gqa::query).shape();
  plan.packed = !context.has_input(gqa::key);
  const std::int64_t parts = plan.packed ? heads + 2 * kv_heads : heads;
  if (q.rank() != 3 || q[2] % parts != 0 || plan.packed == context.has_input(gqa::value)) {
    fail_gqa(context, "a query of " + to_string(q) + " is not one of " + std::to_string(parts) +
                          " heads, or a key or value is missing");
  }
  const std::int64_t size = q[2] / parts;
  plan.q = {q[0], heads, q[1], size, false};
  plan.kv = {q[0], kv_heads, q[1], size, false};
  if (plan.packed) return;
  const Shape expected{q[0], q[1], kv_heads * size};
  if (context.input(gqa::key).shape() != expected ||
      context.input(gqa::value).shape() != expected) {
    fail_gqa(context, "key and value must be " + to_string(expected));
  }
}

/// The rows of past and present.
void read_gqa_cache(const KernelContext& context, GqaPlan& plan) {
  const Attributes& attributes = context.attributes();
  plan.total = integer(context.input(gqa::total));
  if (context.has_input(gqa::past_key) != context.has_input(gqa::past_value)) {
    fail_gqa(context, "past_key and past_value go together");
  }
  if (context.has_input(gqa::past_key)) {
    const Shape& past = context.input(gqa::past_key).shape();
    if (past.rank() == 4) plan.past = past[2];
    for (const std::size_t i : {gqa::past_key, gqa::past_value}) {
      const Shape& shape = context.input(i).shape();
      if (shape.rank() != 4 || shape[0] != plan.kv.batch || shape[1] != plan.kv.heads ||
          shape[2] != plan.past) {
        fail_gqa(context, "a past of " + to_string(shape) + " does not fit the heads");
      }
    }
  }
  plan.causal = attributes.integer("causal", 1) != 0;
  plan.window = std::max<std::int64_t>(attributes.integer("local_window_size", -1), 0);
  plan.evicts = attributes.integer("sliding_window_cache", 0) != 0;
  plan.capacity = plan.evicts ? plan.past : std::max(plan.past, plan.total);
  if (plan.window > 0 && !plan.causal) fail_gqa(context, "a local window needs causal attention");
  if (plan.evicts && (plan.window < 1 || plan.capacity < plan.window)) {
    fail_gqa(context, "a cache that evicts must hold the local window");
  }
}

}  // namespace

GqaPlan plan_gqa(KernelContext& context) {
  GqaPlan plan;
  read_gqa_heads(context, plan);
  read_gqa_cache(context, plan);
  const std::int64_t batch = plan.q.batch, added = plan.q.sequence;
  const bool padded = context.has_input(gqa::query_lengths);
  plan.is_prompt = !padded && plan.total == added;
  const auto totals = context.input(gqa::total_lengths).as<std::int32_t>();
  const auto valid = padded ? context.input(gqa::query_lengths).as<std::int32_t>()
                            : std::span<const std::int32_t>();
  if (totals.size() != static_cast<std::size_t>(batch) ||
      (padded && valid.size() != totals.size())) {
    fail_gqa(context, "seqlens_k and query_seqlens need one number per batch");
  }
  plan.rows = context.scratch<CacheRows>(batch);
  plan.lengths = context.scratch<std::int64_t>(batch);
  plan.first_query = context.scratch<std::int64_t>(batch);
  plan.first_key = context.scratch<std::int64_t>(batch);
  for (std::size_t b = 0; b < totals.size(); ++b) {
    const std::int64_t total = std::int64_t{totals[b]} + 1;
    const std::int64_t queries = padded ? std::int64_t{valid[b]} : std::min(added, total);
    if (total < 1 || total > plan.total || queries < 0 || queries > std::min(added, total)) {
      context.fail(ErrorCode::execution, "a sequence of " + std::to_string(total) + " tokens, " +
                                             std::to_string(queries) +
                                             " of them new, does not fit the inputs");
    }
    const std::int64_t before = total - queries;
    const std::int64_t kept = plan.evicts ? plan.resident(before) : before;
    if (kept > plan.past) {
      context.fail(ErrorCode::execution, "the past has " + std::to_string(plan.past) + " rows, " +
                                             std::to_string(kept) + " are needed");
    }
    plan.rows[b] = {0, kept, queries};
    plan.lengths[b] = kept + queries;
    plan.first_query[b] = before;
    plan.first_key[b] = before - kept;
  }
  return plan;
}

}  // namespace inlay::inline v0::kernels
