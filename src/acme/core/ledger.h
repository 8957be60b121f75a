#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace warren::acme {

// What must outlive the process, so that one that is started again and again never burdens the
// authority: what was asked of it, what came of it, and when it may be asked next. Of one authority
// and one name. Times are seconds since 1970; 0: none.
struct Ledger {
  std::string account;        // its URL; empty: there is none yet
  std::string order;          // the URL of one that is not finished; empty: there is none
  std::string failed_method;  // what this attempt has tried already, in vain
  std::string good_method;    // what worked last
  std::int64_t next_try = 0;
  std::uint32_t failures = 0;  // in a row: refused by the authority
  std::uint32_t troubles = 0;  // in a row: nobody there, too busy
  std::string error;           // the last of both, in a sentence
  // Orders while there was no certificate: such as when its file is lost again and again. The
  // latest of a week.
  std::vector<std::int64_t> first_orders;
  std::vector<std::int64_t> failed_validations;  // the latest of an hour
  // Renewal information (RFC 9773) of the certificate with this id, and the point that was drawn.
  std::string renewal_id;
  std::int64_t window_start = 0;
  std::int64_t window_end = 0;
  std::int64_t renew_at = 0;

  bool operator==(const Ledger&) const = default;
};

inline constexpr std::size_t kMaxLedger = std::size_t{64} << 10;
inline constexpr std::size_t kMostTimes = 16;  // of each list

std::string to_text(const Ledger& ledger);  // JSON
Result<Ledger> parse_ledger(std::string_view json);

}  // namespace warren::acme
