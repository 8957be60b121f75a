#include "acme/core/ledger.h"

#include "base/json_wire.h"

namespace warren::acme {

template <class Visitor, json::wire::Either<Ledger> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit("account", x.account);
  visit("order", x.order);
  visit("failed_method", x.failed_method);
  visit("good_method", x.good_method);
  visit("next_try", x.next_try);
  visit("failures", x.failures);
  visit("troubles", x.troubles);
  visit("error", x.error);
  visit("first_orders", x.first_orders);
  visit("failed_validations", x.failed_validations);
  visit("renewal_id", x.renewal_id);
  visit("window_start", x.window_start);
  visit("window_end", x.window_end);
  visit("renew_at", x.renew_at);
}

std::string to_text(const Ledger& ledger) {
  return json::wire::write_text(ledger);
}

Result<Ledger> parse_ledger(std::string_view json) {
  return json::wire::read_text<Ledger>(json, {.bytes = kMaxLedger, .depth = 4, .list = kMostTimes});
}

}  // namespace warren::acme
