// HTTP requests to backends, by libcurl's multi interface: the only file that knows libcurl. Not what is asked, nor what an answer means.
//
// Owned by the hook thread, and used on it alone, except `wake`. A Call keeps its connection for the next request to the same host.
// Proxies of the environment, redirects and cookies are not used; certificates are verified.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace ringgate::hooks {

/// Where a request goes, and how.
struct Receiver {
  std::string url;
  std::string authority_file;  // empty: the system's authorities
  bool local_allowed = false;
  DurationNs timeout = 0;
};

/// Why there is no answer, if no memory was left for the request or for its answer.
inline constexpr std::string_view without_memory = "out of memory";

/// What came of a request.
struct Answer {
  int status = 0;            // 0: there is none
  std::string_view fault{};  // a sentence if `status` is 0 or the body is too long; static
  std::string content_type{};
  std::string body{};          // at most limits::webhook_answer_bytes_max
  bool body_too_long = false;  // longer than that, and dropped
  std::optional<std::uint64_t> retry_after_seconds{};
  std::string allowed_origin{}, allowed_rate{};  // of WebHook-Allowed-Origin and -Rate
  DurationNs took = 0;
};

class HttpCaller {
 public:
  HttpCaller();
  ~HttpCaller();  // after its calls
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  /// One request at a time. Destroyed before its caller; a request under way is given up.
  class Call {
   public:
    /// Throws std::bad_alloc.
    explicit Call(HttpCaller& caller);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    bool is_busy() const { return on_done_ != nullptr; }
    /// Begins a request; not while one is under way (asserted). `fields`: "Name: value". `body` is kept until the end. `on_done` runs
    /// once, in HttpCaller::run, and may start the next request. Throws std::bad_alloc; then none is under way.
    void start(const Receiver& receiver, std::string_view method, const std::vector<std::string>& fields, std::string body,
               std::move_only_function<void(Answer)> on_done);

   private:
    friend class HttpCaller;
    struct Handle;
    void finish(int result);
    template <typename Take>
    bool take_if_there_is_memory(Take&& take);

    HttpCaller& caller_;
    std::unique_ptr<Handle> handle_;
    std::string body_;
    Answer answer_;
    bool local_allowed_ = false;
    bool refused_address_ = false;
    bool lacks_memory_ = false;  // for its answer
    bool head_ended_ = false;    // of the final answer
    std::move_only_function<void(Answer)> on_done_;
  };

  /// Waits until something happens, `wake` is called or `timeout` has passed; then does what can be done, and calls `on_done`s.
  void run(DurationNs timeout);
  /// Ends a wait. Any thread.
  void wake();

 private:
  void* multi_;
};

}  // namespace ringgate::hooks
