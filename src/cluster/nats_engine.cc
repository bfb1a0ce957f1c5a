#include "cluster/nats_engine.h"

#include <nats/nats.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "base/log_limiter.h"
#include "base/monotonic_clock.h"

namespace ringgate::cluster {
namespace {

constexpr const char* act_field = "Ringgate-Act";
constexpr const char* terms_field = "Ringgate-Terms";

// A dead server is noticed after some 15 s, not after minutes.
constexpr int ping_interval_ms = 5'000;
constexpr int pings_out_max = 2;
constexpr int connect_timeout_ms = 2'000;
constexpr int reconnect_wait_ms = 500;
constexpr int reconnect_jitter_ms = 500;
constexpr int write_deadline_ms = 500;
// Of one subscription: letters that its thread has not taken yet.
constexpr int device_letters_max = 256;
constexpr int device_bytes_max = 1024 * 1024;
constexpr int other_letters_max = 65'536;
constexpr int other_bytes_max = 64 * 1024 * 1024;
constexpr int delivery_threads = 2;
constexpr const char* device_queue = "h";  // the queue group of those who hold a device

template <auto Destroy>
struct Deleter {
  template <typename Thing>
  void operator()(Thing* thing) const {
    Destroy(thing);
  }
};
using Options = std::unique_ptr<natsOptions, Deleter<natsOptions_Destroy>>;
using Message = std::unique_ptr<natsMsg, Deleter<natsMsg_Destroy>>;
using Subscription = std::unique_ptr<natsSubscription, Deleter<natsSubscription_Destroy>>;

constexpr DurationNs dial_pause = nanoseconds_per_second;            // between attempts, none of which the library repeats
constexpr DurationNs fault_log_pause = 60 * nanoseconds_per_second;  // between log lines about them

/// What the library says of the last fault of a connection, or of this thread; without a word of it the peer has closed.
std::string cause_of(natsConnection* connection) {
  const char* error = nullptr;
  if (connection != nullptr) (void)natsConnection_GetLastError(connection, &error);
  if (error != nullptr && *error != '\0') return error;
  natsStatus status = NATS_OK;
  error = nats_GetLastError(&status);
  return error != nullptr && *error != '\0' ? error : "connection closed";
}

std::string_view field_of(natsMsg* message, const char* name) {
  const char* value = nullptr;
  return natsMsgHeader_Get(message, name, &value) == NATS_OK && value != nullptr ? std::string_view(value) : std::string_view{};
}

/// What the library's threads call. They may do so even behind the end of a connection, so an ear is never freed.
class Ear {
 public:
  enum class State : std::uint8_t { dialing, up, down, closed };  // down: the library connects again; closed: it does not

  static Ear& make() {
    static std::mutex mutex;
    static auto& all = *new std::vector<std::unique_ptr<Ear>>;  // threads of the library outlive static objects
    const std::lock_guard lock(mutex);
    return *all.emplace_back(std::make_unique<Ear>());
  }

  void open(EngineListener& listener) {
    const std::lock_guard lock(mutex_);
    listener_ = &listener;
  }
  /// Then nobody is called any more.
  void close() {
    const std::lock_guard lock(mutex_);
    listener_ = nullptr;
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return listener_ != nullptr;
  }

  State state() const { return state_.load(std::memory_order_acquire); }
  void begin_to_dial() { state_.store(State::dialing, std::memory_order_release); }
  /// The end of an attempt; the connection may have been lost again since.
  void note_dialed(State state) {
    State dialing = State::dialing;
    state_.compare_exchange_strong(dialing, state, std::memory_order_acq_rel);
    wake();
  }

  static void on_message(natsConnection*, natsSubscription*, natsMsg* raw, void* self) {
    const Message message(raw);
    try {
      Letter letter;
      letter.subject = natsMsg_GetSubject(raw);
      if (const char* const reply = natsMsg_GetReply(raw)) letter.answer_to = reply;
      letter.nobody_listens = natsMsg_IsNoResponders(raw);
      if (!letter.nobody_listens) {
        letter.act = field_of(raw, act_field);
        letter.terms = field_of(raw, terms_field);
        letter.body.assign(natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw)));
      }
      Ear& ear = *static_cast<Ear*>(self);
      const std::lock_guard lock(ear.mutex_);
      if (ear.listener_ != nullptr) ear.listener_->on_letter(std::move(letter));
    } catch (const std::bad_alloc&) {  // as if the letter were lost: whoever asked is told that the outcome is not known
    }
  }
  static void on_connected(natsConnection* connection, void* self) {
    Ear& ear = *static_cast<Ear*>(self);
    log_connected(connection);
    ear.state_.store(State::up, std::memory_order_release);
    ear.wake();
  }
  static void on_disconnected(natsConnection* connection, void* self) {
    Ear& ear = *static_cast<Ear*>(self);
    if (!ear.is_open()) return;  // it is we who leave
    log::warning("the cluster's engine is lost: devices of other gates cannot be reached",
                 {{"engine", "nats"}, {"because", cause_of(connection)}});
    ear.state_.store(State::down, std::memory_order_release);
    ear.wake();
  }
  /// The library gives a connection up for good, such as behind a second refused login.
  static void on_closed(natsConnection*, void* self) {
    Ear& ear = *static_cast<Ear*>(self);
    ear.state_.store(State::closed, std::memory_order_release);
    ear.wake();
  }
  static void on_error(natsConnection*, natsSubscription*, natsStatus status, void* self) {
    static_cast<Ear*>(self)->report(natsStatus_GetText(status));
  }

  static void log_connected(natsConnection* connection) {
    char url[256] = "";
    (void)natsConnection_GetConnectedUrl(connection, url, sizeof url);
    log::info("the cluster's engine is connected", {{"engine", "nats"}, {"server", static_cast<const char*>(url)}});
  }
  void report(const char* fault) {
    if (fault_logs_.admit(clock_now()))
      log::warning("the cluster's engine reports a fault", {{"engine", "nats"}, {"because", fault}});
  }

  // What an attempt has made. Whoever takes it out owns it: the engine, or the attempt if the engine has ended meanwhile.
  std::atomic<natsConnection*> dialed{nullptr};
  TimeNs fault_logged_at = 0;  // of attempts alone, of which there is one at a time

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    if (listener_ != nullptr) listener_->on_state();
  }

  std::mutex mutex_;
  EngineListener* listener_ = nullptr;
  std::atomic<State> state_{State::closed};
  LogLimiter fault_logs_;
};

natsStatus set_options(natsOptions* raw, const NatsSettings& s, Ear& ear) {
  std::vector<const char*> servers;
  for (const std::string& server : s.servers) servers.push_back(server.c_str());
  natsStatus status = natsOptions_SetServers(raw, servers.data(), static_cast<int>(servers.size()));
  const auto set = [&status](natsStatus next) {
    if (status == NATS_OK) status = next;
  };
  set(natsOptions_SetName(raw, s.name.c_str()));
  set(natsOptions_UseGlobalMessageDelivery(raw, true));  // else each subscription has a thread
  set(natsOptions_SetSendAsap(raw, true));               // else answers wait up to a millisecond for the flusher
  set(natsOptions_SetNoEcho(raw, true));
  set(natsOptions_SetReconnectBufSize(raw, 1));  // nothing is sent late; 0 would be 8 MB
  set(natsOptions_SetMaxReconnect(raw, -1));
  set(natsOptions_SetReconnectWait(raw, reconnect_wait_ms));
  set(natsOptions_SetReconnectJitter(raw, reconnect_jitter_ms, reconnect_jitter_ms));
  set(natsOptions_SetPingInterval(raw, ping_interval_ms));
  set(natsOptions_SetMaxPingsOut(raw, pings_out_max));
  set(natsOptions_SetTimeout(raw, connect_timeout_ms));
  set(natsOptions_SetWriteDeadline(raw, write_deadline_ms));
  set(natsOptions_SetDisconnectedCB(raw, Ear::on_disconnected, &ear));
  set(natsOptions_SetReconnectedCB(raw, Ear::on_connected, &ear));
  set(natsOptions_SetClosedCB(raw, Ear::on_closed, &ear));
  set(natsOptions_SetErrorHandler(raw, Ear::on_error, &ear));
  // A server that does not ask for it would be spoken to in clear.
  if (std::ranges::any_of(s.servers, [](const std::string& server) { return server.starts_with("tls:"); }))
    set(natsOptions_SetSecure(raw, true));
  if (!s.user.empty()) set(natsOptions_SetUserInfo(raw, s.user.c_str(), s.password.c_str()));
  if (!s.credentials_file.empty()) set(natsOptions_SetUserCredentialsFromFiles(raw, s.credentials_file.c_str(), nullptr));
  if (!s.authority_file.empty()) set(natsOptions_LoadCATrustedCertificates(raw, s.authority_file.c_str()));
  if (!s.certificate_file.empty()) set(natsOptions_LoadCertificatesChain(raw, s.certificate_file.c_str(), s.key_file.c_str()));
  return status;
}

/// One attempt over all servers, each of which may take connect_timeout_ms. On a thread of its own, which nobody waits for.
void dial(Ear& ear, const NatsSettings& settings) {
  static std::once_flag once;
  std::call_once(once, [] {
    (void)nats_Open(-1);
    (void)nats_SetMessageDeliveryPoolSize(delivery_threads);
  });
  natsOptions* raw = nullptr;
  natsConnection* connection = nullptr;
  natsStatus status = natsOptions_Create(&raw);
  const Options options(raw);
  if (status == NATS_OK) status = set_options(raw, settings, ear);
  if (status == NATS_OK) status = natsConnection_Connect(&connection, raw);
  if (!ear.is_open()) return natsConnection_Destroy(connection);  // may be null
  if (status != NATS_OK) {
    const TimeNs now = clock_now();
    if (ear.fault_logged_at == 0 || now - ear.fault_logged_at >= fault_log_pause) {
      ear.fault_logged_at = now;
      log::warning("the cluster's engine is not there yet: devices of other gates cannot be reached",
                   {{"engine", "nats"}, {"because", cause_of(nullptr)}, {"server", settings.servers.front()}});
    }
    return ear.note_dialed(Ear::State::closed);
  }
  Ear::log_connected(connection);
  ear.fault_logged_at = 0;
  ear.dialed.store(connection);
  if (!ear.is_open()) return natsConnection_Destroy(ear.dialed.exchange(nullptr));
  ear.note_dialed(Ear::State::up);
}

}  // namespace

struct NatsEngine::Parts {
  struct Listening {
    Hearing hearing;
    Subscription subscription;  // null: the connection does not know of it
  };

  std::shared_ptr<const NatsSettings> settings;
  Ear& ear = Ear::make();
  natsConnection* connection = nullptr;
  TimeNs dial_at = 0;
  bool is_up = false;
  std::unordered_map<std::string, Listening> listening;
  std::vector<Subscription> dropped;  // while the connection was away

  void subscribe(const std::string& subject, Listening& one) {
    natsSubscription* raw = nullptr;
    const bool is_device = one.hearing == Hearing::one_of_us;
    const natsStatus status =
        is_device ? natsConnection_QueueSubscribe(&raw, connection, subject.c_str(), device_queue, Ear::on_message, &ear)
                  : natsConnection_Subscribe(&raw, connection, subject.c_str(), Ear::on_message, &ear);
    if (status != NATS_OK) return ear.report(natsStatus_GetText(status));  // it is tried again behind the next connection
    (void)natsSubscription_SetPendingLimits(raw, is_device ? device_letters_max : other_letters_max,
                                            is_device ? device_bytes_max : other_bytes_max);
    one.subscription.reset(raw);
  }
  void forget_connection() {
    for (auto& [subject, one] : listening) one.subscription.reset();
    dropped.clear();
    natsConnection_Destroy(std::exchange(connection, nullptr));  // either may be null
    natsConnection_Destroy(ear.dialed.exchange(nullptr));
  }
};

NatsEngine::NatsEngine(NatsSettings settings) : parts_(std::make_unique<Parts>()) {
  parts_->settings = std::make_shared<const NatsSettings>(std::move(settings));
}

NatsEngine::~NatsEngine() {
  parts_->ear.close();
  parts_->forget_connection();
}

void NatsEngine::start(EngineListener& listener) { parts_->ear.open(listener); }

bool NatsEngine::tend(TimeNs now) {
  Parts& p = *parts_;
  const Ear::State state = p.ear.state();
  if (state == Ear::State::closed && now >= p.dial_at) {
    p.forget_connection();
    p.dial_at = now + dial_pause;
    p.ear.begin_to_dial();
    std::thread([&ear = p.ear, settings = p.settings] { dial(ear, *settings); }).detach();
  }
  if (state == Ear::State::up && p.connection == nullptr) p.connection = p.ear.dialed.exchange(nullptr);
  const bool is_up = state == Ear::State::up && p.connection != nullptr;
  if (is_up && !std::exchange(p.is_up, true)) {
    for (const Subscription& subscription : std::exchange(p.dropped, {})) (void)natsSubscription_Unsubscribe(subscription.get());
    for (auto& [subject, one] : p.listening)
      if (one.subscription == nullptr) p.subscribe(subject, one);
  }
  p.is_up = is_up;
  return is_up;
}

TimeNs NatsEngine::due_at() const { return parts_->ear.state() == Ear::State::closed ? parts_->dial_at : UINT64_MAX; }

void NatsEngine::listen(const std::string& subject, Hearing hearing) {
  const auto [at, is_new] = parts_->listening.try_emplace(subject, hearing, nullptr);
  if (is_new && parts_->is_up) parts_->subscribe(subject, at->second);
}

/// While the library connects again it holds its lock, so nothing is asked of it then.
void NatsEngine::unlisten(const std::string& subject) {
  const auto found = parts_->listening.find(subject);
  if (found == parts_->listening.end()) return;
  if (found->second.subscription != nullptr) {
    if (parts_->is_up) (void)natsSubscription_Unsubscribe(found->second.subscription.get());
    else parts_->dropped.push_back(std::move(found->second.subscription));
  }
  parts_->listening.erase(found);
}

Sent NatsEngine::send(const Letter& letter) {
  natsConnection* const connection = parts_->connection;
  if (connection == nullptr || parts_->ear.state() != Ear::State::up) return Sent::down;
  natsMsg* raw = nullptr;
  if (natsMsg_Create(&raw, letter.subject.c_str(), letter.answer_to.empty() ? nullptr : letter.answer_to.c_str(),
                     letter.body.data(), static_cast<int>(letter.body.size())) != NATS_OK)
    return Sent::down;
  const Message message(raw);
  natsStatus status = NATS_OK;
  if (!letter.act.empty()) status = natsMsgHeader_Set(raw, act_field, letter.act.c_str());
  if (status == NATS_OK && !letter.terms.empty()) status = natsMsgHeader_Set(raw, terms_field, letter.terms.c_str());
  if (status == NATS_OK) status = natsConnection_PublishMsg(connection, raw);
  if (status == NATS_OK) return Sent::sent;
  parts_->ear.report(natsStatus_GetText(status));
  return status == NATS_MAX_PAYLOAD ? Sent::too_large : Sent::down;
}

}  // namespace ringgate::cluster
