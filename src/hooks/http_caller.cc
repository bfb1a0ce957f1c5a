#include "hooks/http_caller.h"

#include <curl/curl.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "hooks/receiver_address.h"

namespace ringgate::hooks {
namespace {

/// The value of the field `name` if `line` is one of it.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
  if (strncasecmp(line.data(), name.data(), name.size()) != 0) return std::nullopt;
  std::string_view value = line.substr(name.size() + 1);
  constexpr std::string_view white_space = " \t\r\n";
  value.remove_prefix(std::min(value.find_first_not_of(white_space), value.size()));
  return value.substr(0, value.find_last_not_of(white_space) + 1);
}

std::string_view fault_of(CURLcode result) {
  switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST: return "the host has no address";
    case CURLE_COULDNT_CONNECT: return "no connection";
    case CURLE_OPERATION_TIMEDOUT: return "no answer in time";
    case CURLE_PEER_FAILED_VERIFICATION: return "the certificate is not trusted";
    case CURLE_SSL_CACERT_BADFILE: return "the file of authorities cannot be read";
    case CURLE_SSL_CONNECT_ERROR: return "the TLS handshake failed";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: return "the connection ended before the answer";
    case CURLE_OUT_OF_MEMORY: return without_memory;
    default: return "the request failed";
  }
}

void set_or_throw(CURL* easy, CURLoption option, const char* text) {
  if (curl_easy_setopt(easy, option, text) != CURLE_OK) throw std::bad_alloc();
}

// The process's; libcurl counts its users itself.
struct Library {
  Library() { curl_global_init(CURL_GLOBAL_DEFAULT); }
};

}  // namespace

struct HttpCaller::Call::Handle {
  CURL* easy = nullptr;
  curl_slist* fields = nullptr;

  /// Of the answer so far, or 0.
  int status() const {
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    return static_cast<int>(code);
  }
  void clear_fields() { curl_slist_free_all(std::exchange(fields, nullptr)); }
  void add_field(const char* line) {
    curl_slist* const longer = curl_slist_append(fields, line);
    if (longer == nullptr) throw std::bad_alloc();
    fields = longer;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* call_pointer) {
    Call& call = *static_cast<Call*>(call_pointer);
    if (call.answer_.body.size() + size > limits::webhook_answer_bytes_max) {
      call.answer_.body_too_long = true;
      return 0;  // ends the call
    }
    return call.take_if_there_is_memory([&] { call.answer_.body.append(data, size); }) ? size : 0;
  }

  // Also called for interim answers and trailers: they say nothing (RFC 9110, sections 15.2 and 6.5.1).
  static std::size_t on_field(char* data, std::size_t, std::size_t size, void* call_pointer) {
    Call& call = *static_cast<Call*>(call_pointer);
    Answer& answer = call.answer_;
    const std::string_view line(data, size);
    if (call.head_ended_) return size;
    const bool is_taken = call.take_if_there_is_memory([&] {
      if (line.starts_with("HTTP/")) answer = {};
      else if (line == "\r\n" || line == "\n") call.head_ended_ = call.handle_->status() >= 200;
      else if (const auto type = value_of(line, "Content-Type")) answer.content_type = *type;
      else if (const auto origin = value_of(line, "WebHook-Allowed-Origin")) answer.allowed_origin = *origin;
      else if (const auto rate = value_of(line, "WebHook-Allowed-Rate")) answer.allowed_rate = *rate;
    });
    return is_taken ? size : 0;
  }

  static curl_socket_t on_socket(void* call_pointer, curlsocktype, curl_sockaddr* address) {
    Call& call = *static_cast<Call*>(call_pointer);
    if (!call.local_allowed_ && is_local(address->addr)) {
      call.refused_address_ = true;
      return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
};

HttpCaller::HttpCaller() {
  static const Library library;
  multi_ = curl_multi_init();
  RINGGATE_ASSERT(multi_ != nullptr);
}

HttpCaller::~HttpCaller() { curl_multi_cleanup(static_cast<CURLM*>(multi_)); }

HttpCaller::Call::Call(HttpCaller& caller) : caller_(caller), handle_(std::make_unique<Handle>()) {
  CURL* const easy = handle_->easy = curl_easy_init();
  if (easy == nullptr) throw std::bad_alloc();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // does not wait for DNS at the end
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // not even the environment's
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "ringgate/" RINGGATE_VERSION);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Handle::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Handle::on_field);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Handle::on_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
}

HttpCaller::Call::~Call() {
  if (is_busy()) curl_multi_remove_handle(static_cast<CURLM*>(caller_.multi_), handle_->easy);
  curl_easy_cleanup(handle_->easy);
  handle_->clear_fields();
}

void HttpCaller::Call::start(const Receiver& receiver, std::string_view method, const std::vector<std::string>& fields,
                             std::string body, std::move_only_function<void(Answer)> on_done) {
  RINGGATE_ASSERT(!is_busy());
  CURL* const easy = handle_->easy;
  body_ = std::move(body);
  answer_ = {};
  local_allowed_ = receiver.local_allowed;
  refused_address_ = head_ended_ = lacks_memory_ = false;
  handle_->clear_fields();
  for (const std::string& line : fields) handle_->add_field(line.c_str());
  handle_->add_field("Expect:");
  handle_->add_field("Accept: */*");
  set_or_throw(easy, CURLOPT_URL, receiver.url.c_str());
  if (method == "POST") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, nullptr);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body_.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    set_or_throw(easy, CURLOPT_CUSTOMREQUEST, std::string(method).c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, handle_->fields);
  if (!receiver.authority_file.empty()) {
    set_or_throw(easy, CURLOPT_CAINFO, receiver.authority_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  const auto timeout_ms = static_cast<long>(std::max<DurationNs>(receiver.timeout / nanoseconds_per_millisecond, 1));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
  // The only failure that is left is a lack of memory.
  if (curl_multi_add_handle(static_cast<CURLM*>(caller_.multi_), easy) != CURLM_OK) throw std::bad_alloc();
  on_done_ = std::move(on_done);
}

/// Nothing may be thrown through libcurl.
template <typename Take>
bool HttpCaller::Call::take_if_there_is_memory(Take&& take) {
  try {
    take();
  } catch (const std::bad_alloc&) {
    lacks_memory_ = true;
  }
  return !lacks_memory_;
}

void HttpCaller::Call::finish(int result) {
  CURL* const easy = handle_->easy;
  const auto code = static_cast<CURLcode>(result);
  curl_off_t took_us = 0, retry_after = 0;
  curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &took_us);
  answer_.took = static_cast<DurationNs>(std::max<curl_off_t>(took_us, 0)) * nanoseconds_per_microsecond;
  const int status = answer_.status = code == CURLE_OK || answer_.body_too_long ? handle_->status() : 0;
  if (status == 0) answer_.fault = fault_of(code);
  if (answer_.body_too_long) {
    answer_.fault = "the body is too long";
    answer_.body.clear();
  }
  if (lacks_memory_) answer_.fault = without_memory;
  if (status == 0 && refused_address_) answer_.fault = "the address is loopback or link-local (allow_local)";
  // Seconds, or an HTTP date.
  if (status != 0 && curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK && retry_after > 0)
    answer_.retry_after_seconds =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(retry_after), limits::webhook_retry_after_seconds_max);
  curl_multi_remove_handle(static_cast<CURLM*>(caller_.multi_), easy);
  std::exchange(on_done_, nullptr)(std::move(answer_));
}

void HttpCaller::run(DurationNs timeout) {
  auto* const multi = static_cast<CURLM*>(multi_);
  int count = 0;
  curl_multi_perform(multi, &count);
  const auto timeout_ms = static_cast<int>((timeout + nanoseconds_per_millisecond - 1) / nanoseconds_per_millisecond);
  const auto deliver = [&] {
    bool any = false;
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* call = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
      static_cast<Call*>(call)->finish(static_cast<int>(message->data.result));
      any = true;
    }
    return any;
  };
  if (deliver()) return;
  curl_multi_poll(multi, nullptr, 0, timeout_ms, nullptr);
  curl_multi_perform(multi, &count);
  deliver();
}

void HttpCaller::wake() { curl_multi_wakeup(static_cast<CURLM*>(multi_)); }

}  // namespace ringgate::hooks
