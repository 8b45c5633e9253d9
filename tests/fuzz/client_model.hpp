// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "fuzz/name_value_oracle.hpp"
#include "support/records.hpp"

#include <sluice/fcgi/client_session.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

using test::id_type;

/// What happened for the client. What comes of a stream in several pieces is one.
struct client_happening {
    fcgi::client_event::kind what{};
    id_type id = 0;
    std::string content;
    std::uint32_t app_status = 0;
    unsigned protocol_status = 0;
    bool out_ended = false;

    bool operator==(const client_happening&) const = default;
};

void note(const client_happening& h, std::vector<client_happening>& in);

/// What a `client_session` should do: the records of its calls, the events of what the app sends, and how much room is
/// left. It reads and writes the wire on its own.
class client_model {
public:
    explicit client_model(const fcgi::client_limits& l) : limits_(l) {}

    // The client's calls. What they frame is added to `framed`.

    bool can_start() const noexcept { return !closing_ && active() < limits_.requests && room() >= 256; }
    bool reusable() const noexcept { return !closing_; }
    void start(id_type id, unsigned role, bool keep, const test::pairs& params);
    bool accepts(id_type id, fcgi::record_type stream) const;
    void wrote(id_type id, fcgi::record_type stream, std::string_view bytes);
    void finish(id_type id, fcgi::record_type stream);
    bool abort(id_type id);
    bool get_values(const std::vector<std::string>& names);
    bool running(id_type id) const { return requests_.contains(id) && !requests_.at(id).aborted; }
    bool taken(id_type id) const { return requests_.contains(id); }
    std::size_t active() const noexcept { return requests_.size(); }

    /// All records so far; of `sent` bytes the kernel has.
    std::string framed;
    std::size_t sent = 0;
    std::size_t room() const noexcept;

    // What the app sends.

    void arrives(std::string_view bytes);
    bool must_fail() const noexcept { return fault_; }
    std::optional<fcgi::errc> at_end() const;
    std::vector<client_happening> happened;
    /// The last question was answered, with `values`.
    bool answered() const noexcept { return !asked_; }
    const test::pairs& values() const noexcept { return values_; }

private:
    struct request {
        bool aborted = false, in_ended = false, data_ended = true, out_ended = false, errors_ended = false;
    };

    void frame(unsigned type, id_type id, std::string_view content);
    void chunk(std::string_view content, bool last);
    void management(std::string_view content, bool last);
    void stream(request& r, std::string_view content);
    void end(request& r, bool last);

    fcgi::client_limits limits_;
    std::map<id_type, request> requests_;
    bool closing_ = false, asked_ = false, fault_ = false;

    // The record that is coming in.
    std::string header_, body_;
    unsigned type_ = 0;
    id_type id_ = 0;
    std::size_t size_ = 0, left_ = 0, padding_ = 0;
    std::optional<name_value_oracle> answer_;
    test::pairs values_;
};

} // namespace sluice::fuzz
