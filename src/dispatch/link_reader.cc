#include "dispatch/link_reader.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::dispatch {

void LinkReader::read(std::vector<device::ConnectionRef> devices, Haste haste, OnEach on_each, OnDone on_done) {
  RINGGATE_ASSERT(!devices.empty());
  Jobs& jobs = waiting_[static_cast<std::size_t>(haste)];
  const bool is_busy = haste == Haste::question && jobs.size() >= limits::link_questions_max;
  const auto job =
      std::make_shared<Job>(Job{.devices = std::move(devices), .on_each = std::move(on_each), .on_done = std::move(on_done)});
  if (!is_busy) return jobs.push_back(job);
  for (const device::ConnectionRef& device : job->devices) finished_.push_back({job, device, {.status = LinkStatus::busy}});
}

bool LinkReader::continue_some() {
  tell_finished();
  while (under_way_.size() + finished_.size() < limits::link_readings_per_turn && has_waiting())
    if (!ask_next(waiting_[waiting_[0].empty() ? 1 : 0])) break;
  return !finished_.empty() || (has_waiting() && under_way_.empty());
}

/// False: that device is being asked already, and the answer comes first.
bool LinkReader::ask_next(Jobs& jobs) {
  const std::shared_ptr<Job> job = jobs.front();
  if (!ask({job, job->devices[job->asked_count]})) return false;
  if (++job->asked_count == job->devices.size()) jobs.pop_front();
  return true;
}

bool LinkReader::ask(Question question) {
  const device::ConnectionRef device = question.device;
  conn::Connection* const connection = transport_.table().find(device.slot, device.generation);
  const bool is_open = connection != nullptr && connection->is_live();
  const LinkStatus status = is_open ? transport_.link_status(*connection) : LinkStatus::connection_ended;
  if (status != LinkStatus::known) {
    question.reading.status = status;
    finished_.push_back(std::move(question));
    return true;
  }
  if (!transport_.read_link(*connection, [this, device](const LinkReading& reading) { on_read(device, reading); })) return false;
  under_way_.push_back(std::move(question));
  return true;
}

void LinkReader::on_read(device::ConnectionRef device, const LinkReading& reading) {
  const auto question = std::ranges::find(under_way_, device, &Question::device);
  if (question == under_way_.end()) return;
  question->reading = reading;
  finished_.push_back(std::move(*question));
  under_way_.erase(question);
}

void LinkReader::tell_finished() {
  for (const Question& question : std::exchange(finished_, {})) {
    Job& job = *question.job;
    (question.reading.status == LinkStatus::known ? counters_.links_read : counters_.links_unread).add(1);
    job.on_each(question.device, question.reading);
    if (++job.told_count == job.devices.size() && job.on_done) job.on_done();
  }
}

std::size_t LinkReader::close_down() {
  const auto give_up = [&](const std::shared_ptr<Job>& job, device::ConnectionRef device) {
    finished_.push_back({job, device, {.status = LinkStatus::busy}});
  };
  for (const Question& question : std::exchange(under_way_, {})) give_up(question.job, question.device);
  for (Jobs& jobs : waiting_)
    for (const std::shared_ptr<Job>& job : std::exchange(jobs, {}))
      for (; job->asked_count < job->devices.size(); ++job->asked_count) give_up(job, job->devices[job->asked_count]);
  const std::size_t count = finished_.size();
  tell_finished();
  return count;
}

}  // namespace ringgate::dispatch
