#pragma once

#include "acme/core/messages.h"
#include "base/random.h"
#include "base/time.h"

// When something is done again (spec: edge section 3.1).
namespace warren::acme {

inline constexpr Duration kMostWait = 24h;  // of a back-off, and of what an authority asks for

// How often renewal information is asked for where the authority does not say, and at most (RFC
// 9773 section 4.3.3).
inline constexpr Duration kRenewalInfoEvery = 6h;
inline constexpr Duration kLeastRenewalInfo = 1min;

struct Lifetime {
  WallTime not_before;
  WallTime not_after;

  // Of zero for one that ends before it begins.
  std::chrono::seconds length() const;
  // So much of it has passed then.
  WallTime at(double part) const;
};

// Without renewal information: at 2/3 of the lifetime, or half of it where that is below ten days;
// up to 5 % of it earlier.
WallTime renewal_time(const Lifetime& lifetime, Random& random);

// A random point of the window (RFC 9773 section 4.2), but not so early that a certificate is
// replaced as soon as it is there, nor in the last tenth of its life. A window that has passed says
// that the certificate should go soon: it may be revoked.
WallTime renewal_time(const Lifetime& lifetime,
                      const RenewalWindow& window,
                      WallTime now,
                      Random& random);

// After so many troubles in a row (network, an authority that is busy): 1 min, doubled up to 6 h,
// and up to a tenth more.
Duration delay_after_troubles(unsigned troubles, Random& random);

// After so many refusals in a row: 10 min, 1 h, 6 h, 24 h.
Duration delay_after_failures(unsigned failures);

}  // namespace warren::acme
