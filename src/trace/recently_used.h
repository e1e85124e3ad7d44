// RecentlyUsed: a bounded store that forgets what was used least recently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace pgstrata::trace {

/// All calls may come from several threads. What find() returned lives as long as it is held, forgotten or
/// not.
template <class T>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(std::size_t capacity) : capacity_(capacity) {}

  std::shared_ptr<const T> find(std::uint64_t key) {
    const std::scoped_lock lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }

  std::shared_ptr<const T> put(std::uint64_t key, T value) {
    auto item = std::make_shared<const T>(std::move(value));
    const std::scoped_lock lock(mutex_);
    // Another thread may have been faster: both values serve.
    if (const auto known = places_.find(key); known != places_.end()) return known->second->second;
    order_.emplace_front(key, item);
    places_.emplace(key, order_.begin());
    if (order_.size() > capacity_) {
      places_.erase(order_.back().first);
      order_.pop_back();
    }
    return item;
  }

 private:
  using Order = std::list<std::pair<std::uint64_t, std::shared_ptr<const T>>>;

  std::size_t capacity_;
  std::mutex mutex_;
  Order order_;  ///< latest first
  std::unordered_map<std::uint64_t, typename Order::iterator> places_;
};

}  // namespace pgstrata::trace
