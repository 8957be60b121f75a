#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acme/core/actions.h"
#include "acme/core/ledger.h"
#include "acme/core/messages.h"
#include "acme/core/schedule.h"
#include "acme/core/url.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/p256.h"

namespace warren::acme {

// Timers run on the first; what certificates and the ledger say is wall time.
struct Now {
  TimePoint time;
  WallTime wall;
};

struct Settings {
  Url directory;
  std::string name;   // in lower case
  std::string email;  // empty: none
  // How it can be shown here that the name is ours, the preferred way first.
  std::vector<Method> methods;
};

// Of the certificate that is in use.
struct Certificate {
  Lifetime lifetime;
  std::string renewal_id;  // empty: none (RFC 9773 section 4.1)
};

// An answer of HTTP. Fields that were not there are empty.
struct Answer {
  unsigned status = 0;
  std::string body;
  std::string nonce;        // Replay-Nonce
  std::string location;     // Location
  std::string retry_after;  // Retry-After
};

// Gets a certificate for one name from an ACME authority (RFC 8555), and renews it for ever. No
// clock, no socket, no file: the caller performs the actions, in their order, and says what came of
// them.
//
// It is idle (waiting for the time of renewal, or for the next try), or in the middle of an
// attempt, in which one request is on its way, or it waits to ask again how validation or issuing
// goes. An attempt: directory, account, order, authorization, challenge, order, certificate
// request, certificate. When the authority could not verify the name by one method the attempt
// begins anew with the other method, once; then it is over and is explained.
//
// Promises: what was asked of the authority and what follows from it is in Keep before the next
// request. An order that is in the ledger is continued and no other one is made. Refusals back off
// 10 min to 24 h, troubles 1 min to 6 h or as long as the authority says. Only URLs of the
// directory's own origin are used.
class Engine {
 public:
  // `key` is the account's; both outlive the engine.
  Engine(Settings settings, const P256PrivateKey& key, Random& random);

  // Once. What an earlier run left.
  void start(Ledger ledger, std::optional<Certificate> certificate, Now now, Actions& out);

  void on_answer(const Answer& answer, Now now, Actions& out);
  void on_no_answer(std::string_view why, Now now, Actions& out);
  void on_request(ByteView der, Now now, Actions& out);  // the answer to MakeRequest
  void on_stored(Certificate certificate, Now now, Actions& out);
  void on_unusable(std::string_view why, Now now, Actions& out);  // the request, or the certificate
  void on_timeout(Now now, Actions& out);

  TimePoint next_timeout() const { return wake_; }

  const Ledger& ledger() const { return ledger_; }

  const std::optional<Certificate>& certificate() const { return certificate_; }

  bool is_working() const { return step_ != Step::Idle; }

  WallTime renew_at() const { return {.seconds = ledger_.renew_at}; }

 private:
  enum class Step : std::uint8_t {
    Idle,
    Directory,
    RenewalInfo,
    Account,
    NewOrder,
    Order,
    Authorization,
    Answer,  // the authority may look now
    Request,
    Finalize,
    Download,
    Store,
  };

  enum class Purpose : std::uint8_t { Order, RenewalInfo };

  // What is being asked, for when it must be asked again with another nonce.
  struct Post {
    Url url;
    std::string payload;
    bool is_by_key = false;  // not by the account, which is not there yet
  };

  // Idle.
  void plan(Now now, Actions& out);
  void schedule_renewal();
  void warn_of_the_end(Now now, Actions& out);
  std::optional<WallTime> held_until(WallTime now) const;
  void begin(Purpose purpose, Actions& out);

  // Requests.
  void get(Step step, const Url& url, Actions& out);
  void post(Step step, std::string_view url, std::string payload, Now now, Actions& out);
  void send_post(Actions& out);
  void keep_nonce(const std::string& nonce);
  void on_posted(const Answer& answer, Now now, Actions& out);
  void on_refused(const Answer& answer, const Problem& problem, Now now, Actions& out);
  std::string doing() const;

  // An attempt.
  void take_directory(const Answer& answer, Now now, Actions& out);
  void take_renewal_info(const Answer& answer, Now now, Actions& out);
  void proceed(Now now, Actions& out);
  void make_account(Now now, Actions& out);
  void make_order(Now now, Actions& out);
  void take_order(const Answer& answer, Now now, Actions& out);
  void take_authorization(const Answer& answer, Now now, Actions& out);
  void choose_challenge(const Authorization& authorization, Now now, Actions& out);
  void be_patient(Now now);
  void ask_again(Step step, const Answer& answer, Now now, Actions& out);
  void validation_failed(const Authorization& authorization, Now now, Actions& out);

  // Its end.
  void refuse(std::string sentence, Now now, Actions& out);
  void give_way(std::string sentence, std::string_view retry_after, Now now, Actions& out);
  void stop_renewal_info(Duration ask_again, Now now, Actions& out);

  void keep(Actions& out) const { out.emplace_back(Keep{ledger_}); }

  bool is_own(std::string_view url) const;

  const Settings settings_;
  const P256PrivateKey& key_;
  Random& random_;

  Ledger ledger_;
  std::optional<Certificate> certificate_;
  std::size_t warned_ = 0;  // of so many of the alarms
  TimePoint ask_renewal_info_;

  Step step_ = Step::Idle;
  Purpose purpose_ = Purpose::Order;
  TimePoint wake_ = kNever;
  bool is_waiting_ = false;  // to ask again; nothing is on its way
  bool is_nonce_asked_ = false;
  std::vector<std::string> nonces_;
  std::optional<Post> post_;
  unsigned nonces_refused_ = 0;

  // Of the attempt.
  std::optional<Directory> directory_;
  std::vector<std::string> authorizations_;
  std::size_t authorization_ = 0;  // the current one's index
  std::string finalize_;
  bool is_order_invalid_ = false;
  bool is_authorized_ = false;
  bool is_finalized_ = false;
  std::optional<Method> answered_;  // the challenge that the authority may look at
  TimePoint patience_ends_;         // for what the authority does
  unsigned asked_again_ = 0;
  bool may_replace_ = true;
  bool may_make_account_ = true;
};

}  // namespace warren::acme
