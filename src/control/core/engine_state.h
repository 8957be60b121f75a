#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "control/core/device_profile.h"
#include "control/core/engine.h"
#include "control/core/marks.h"
#include "control/core/peer_chunks.h"
#include "control/core/pending_logins.h"
#include "control/core/roster.h"
#include "proto/control/map.h"
#include "proto/control/map_frame.h"
#include "proto/control/node.h"
#include "proto/control/register.h"

// The engine's inside, shared by its sources only.
namespace warren::control {

// A map stream: one long answer to one node.
struct Stream {
  RequestId id;
  netmap::NodeId node;
  Compression compression = Compression::None;
  bool is_first_sent = false;
  bool is_draining = false;  // the last message is not gone yet
  bool is_one_shot = false;  // ends with its first message
  bool is_held = false;      // until less is on the way to others
  std::size_t unsent = 0;    // bytes of the message on the way
  Marks marks;
  std::unordered_set<netmap::UserId> told_users;
  TimePoint keepalive_at = kNever;
  TimePoint queued_at = kNever;  // its place in the queue
};

struct Engine::State {
  State(EngineOptions engine_options, netmap::Model& the_model, Random& source)
      : options(std::move(engine_options)), model(the_model), random(source) {}

  // --- commits (engine.cc)
  // What is to be said when the changes made so far are durable, and what instead when they are
  // not.
  void park(Action success, Action failure);
  // Administrators are told what is wrong with the storage; machines only that something is.
  static void tell_why(Action& failure, std::string_view why);

  // Waits for nothing.
  void park_now(Action action) { ready.push_back(std::move(action)); }

  void answer(RequestId to, unsigned status, std::string body);
  // Until the commit is done; refused when too many wait.
  void hold(std::variant<Request, AdminRequest> request, Actions& out);
  void handle(const Request& request, const Moment& moment);
  // Begins the commit of what was changed, or says at once what nothing holds up.
  void finish(const Moment& moment, Actions& out);
  // The model's rows changed for good: tells the streams.
  void absorb(const netmap::Changes& rows, const Moment& moment);
  void absorb_row(const netmap::RowChange<netmap::Node>& change, const Moment& moment);
  void absorb_row(const netmap::RowChange<netmap::User>& change, const Moment& moment);
  void absorb_row(const netmap::RowChange<netmap::Device>& change, const Moment& moment);

  // --- registration (engine_register.cc)
  void on_register(const Request& request, const Moment& moment);
  void log_out(const Request& request, const netmap::Node* node, const Moment& moment);
  void follow_up(const Request& request, const RegisterRequest& wish, const Moment& moment);
  void admit_by_key(const Request& request, const RegisterRequest& wish, const Moment& moment);
  void admit_hub(const Request& request, const RegisterRequest& wish, const Moment& moment);
  void ask_for_approval(const Request& request, const RegisterRequest& wish, const Moment& moment);
  void refuse(PendingLogin& login);
  void approve(const std::string& login, const netmap::Admission& admission);
  Respond registered(RequestId to, const netmap::Node& node) const;
  Respond refuse_registration(RequestId to, std::string why);
  void expire_logins(const Moment& moment);
  std::string link_of(const PendingLogin& login) const;

  // --- maps (engine_map.cc)
  void on_map(const Request& request, const Moment& moment);
  void take_over(RosterEntry& entry, const MapRequest& wish, const Moment& moment);
  void take_hostinfo(RosterEntry& entry, const Hostinfo& hostinfo, const Moment& moment);
  void open_stream(const Request& request,
                   const MapRequest& wish,
                   RosterEntry& entry,
                   const Moment& moment);
  void close_stream(RequestId id, const Moment& moment);

  // --- who is there (engine_presence.cc)
  void on_stream_opened(RosterEntry& entry, const Moment& moment);
  void on_stream_closed(RosterEntry& entry, const Moment& moment);
  void set_online(RosterEntry& entry, bool is_online, const Moment& moment);
  void set_deadlines(RosterEntry& entry, TimePoint offline_at, TimePoint remove_at);
  void check_presence(const Moment& moment);
  void check_expiry(const Moment& moment);
  TimePoint next_presence() const;

  // --- devices and the hub that carries them (engine_devices.cc)
  RosterEntry& add_to_roster(const netmap::Node& node);
  // Whether it is carried, as judged; tells the hub, and others of the hub.
  void judge_device(RosterEntry& entry, TimePoint now);
  // Its row changed: its name, its key or its owner.
  void tell_of_device(const netmap::Node& before, const netmap::Node& after, TimePoint now);
  bool is_hub(netmap::NodeId node) const;
  // The addresses of all devices that are carried; empty when the node is not the hub.
  std::vector<IpPrefix> carried_by(const netmap::Node& node) const;

  // --- news (engine_delivery.cc)
  // Whether the receiver of the stream may know of it now.
  bool is_shown(const RosterEntry& entry, const Stream& stream) const;
  void tell_others(RosterEntry& entry, Mark mark, TimePoint now);
  void tell_self(netmap::NodeId node, TimePoint now);
  void tell_everyone(HeadMark mark, TimePoint now);
  void mark_soft_dirty(RosterEntry& entry, const Moment& moment);
  void queue(Stream& stream);
  void deliver(const Moment& moment);
  void send_first(Stream& stream, const Moment& moment);
  void send_news(Stream& stream, const Moment& moment);
  void add_profile(Stream& stream, netmap::UserId user, MapResponse& out) const;
  const std::string& text_of(RosterEntry& entry) const;
  // The node's entry for others is another now.
  void forget_text(RosterEntry& entry);

  // Entries for a message, of which whole chunks are shared between receivers.
  struct Peers {
    std::vector<Slot> single;
    std::vector<std::size_t> chunks;
  };

  // Puts `"name":[entries…]` at the message's end, and sends it.
  void send_peers(Stream& stream,
                  std::string json,
                  std::string_view name,
                  const Peers& peers,
                  const Moment& moment);
  Peers choose_peers(const Stream& stream, const std::vector<Slot>& wanted);
  std::vector<Slot> visible_in(std::size_t chunk);
  // The message has their entries: says who their owners are.
  void tell_of(Stream& stream, const std::vector<Slot>& slots, MapResponse& out);
  void send(Stream& stream, std::string_view json, const Moment& moment);
  DnsConfig dns_config() const;
  void send_bytes(Stream& stream, std::vector<std::uint8_t> bytes, const Moment& moment);
  void hold_back(Stream& stream, const Moment& moment);
  void release_one();
  void note_sent(Stream& stream);

  // --- administrators (engine_admin.cc)
  void on_admin(const AdminRequest& request, const Moment& moment);
  // Each answers at once, or parks its answer behind the commit.
  void admin_users(const AdminRequest& request, std::string_view rest, const Moment& moment);
  void admin_keys(const AdminRequest& request, std::string_view rest, const Moment& moment);
  void admin_nodes(const AdminRequest& request, std::string_view rest, const Moment& moment);
  void admin_logins(const AdminRequest& request, std::string_view rest, const Moment& moment);
  // engine_admin_devices.cc
  void admin_devices(const AdminRequest& request, std::string_view rest, const Moment& moment);
  Result<std::string> create_device(std::string_view body, const Moment& moment);
  Result<std::string> change_device(netmap::NodeId id,
                                    std::string_view verb,
                                    const AdminRequest& request,
                                    const Moment& moment);
  std::string device_json(const netmap::Node& node,
                          const std::optional<DeviceProfile>& profile) const;
  // Refused, with why, while no hub has registered.
  Result<DeviceProfile> profile_of(const netmap::Node& device) const;
  std::string why_no_hub() const;
  std::string why_never_a_hub() const;
  void admin_status(const AdminRequest& request);
  void admin_done(RequestId to, const Result<std::string>& json);
  const netmap::Node* find_named_node(std::string_view text) const;
  // Exactly one of the two is given.
  Result<netmap::Owner> owner_of(const std::string& user, std::vector<std::string> tags) const;
  std::string login_of(const netmap::Owner& owner) const;  // empty: tagged

  EngineOptions options;
  netmap::Model& model;
  Random& random;
  Roster roster;
  PendingLogins logins;
  DerpMap relay_map;
  MapFrameWriter writer;
  EngineCounters counters;
  std::string hub_problem;

  std::map<RequestId, Stream> streams;
  std::map<netmap::NodeId, RequestId> stream_of;  // the newest of each node
  std::set<std::pair<TimePoint, RequestId>> stream_queue;
  std::deque<RequestId> held;  // streams with large messages to come, while much is on the way
  std::size_t unsent = 0;      // bytes of all messages on the way
  PeerChunks chunks;

  struct {
    std::string json;
    Compression compression = Compression::None;
    std::vector<std::uint8_t> bytes;
  } repeated;  // the last message: many receivers often get the same

  // The commit: what was changed since the last one, and what waits for it.
  bool is_committing = false;
  netmap::Changes changes;
  std::vector<SoftRow> soft_in_flight;
  std::vector<std::pair<Action, Action>> parked;  // success, failure
  Actions ready;                                  // said when the call ends
  std::deque<std::variant<Request, AdminRequest>> waiting;
  std::vector<netmap::NodeId> soft_dirty;
  TimePoint soft_flush_at = kNever;

  // Nodes by when they go offline, are removed or expire.
  std::set<std::pair<TimePoint, netmap::NodeId>> presence_queue;
  std::set<std::pair<WallTime, netmap::NodeId>> expiries;  // of all that ever expire
  WallTime judged_at;  // who had expired then is told to be; the wall clock may go back
  TimePoint check_expiry_at = kNever;
};

}  // namespace warren::control
