// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// A browser's reader of server-sent events, by the letter of the HTML Standard (section 9.2.6).
class event_source {
public:
    struct event {
        std::string name, data, last_id;
        friend bool operator==(const event&, const event&) = default;
    };

    /// Takes what came; gives all events so far.
    const std::vector<event>& feed(std::string_view bytes)
    {
        for (const char c : bytes) {
            if (c == '\n' && after_cr_) {
                after_cr_ = false;
                continue;
            }
            after_cr_ = c == '\r';
            if (c != '\r' && c != '\n') {
                line_ += c;
                continue;
            }
            line();
            line_.clear();
        }
        return events_;
    }

    const std::vector<event>& events() const noexcept { return events_; }
    const std::string& retry() const noexcept { return retry_; }
    int comments() const noexcept { return comments_; }

    /// No event and no line is half there.
    bool between_events() const noexcept { return line_.empty() && data_.empty() && name_.empty(); }

private:
    void line()
    {
        if (line_.empty())
            return dispatch();
        const auto colon = line_.find(':');
        if (colon == 0) {
            ++comments_;
            return;
        }
        const auto field = line_.substr(0, colon);
        std::string value = colon == line_.npos ? "" : line_.substr(colon + 1);
        if (value.starts_with(' '))
            value.erase(0, 1);
        if (field == "event")
            name_ = value;
        else if (field == "data")
            data_ += value + '\n';
        else if (field == "id" && value.find('\0') == value.npos)
            id_ = value;
        else if (field == "retry" && value.find_first_not_of("0123456789") == value.npos)
            retry_ = value;
    }
    void dispatch()
    {
        if (!data_.empty()) {
            data_.pop_back();
            events_.push_back({name_.empty() ? "message" : name_, data_, id_});
        }
        data_.clear();
        name_.clear();
    }

    std::string line_, name_, data_, id_, retry_;
    std::vector<event> events_;
    bool after_cr_ = false;
    int comments_ = 0;
};

} // namespace sluice::test
