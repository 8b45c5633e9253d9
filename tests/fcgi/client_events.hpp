// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/records.hpp"

#include <sluice/fcgi/client_session.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

// What an app sends.

std::string stdout_data(id_type id, std::string_view text, std::size_t piece = 65535,
                        std::size_t padding = 0);
std::string stdout_end(id_type id);
std::string stderr_data(id_type id, std::string_view text);
std::string stderr_end(id_type id);
std::string end_request(id_type id, std::uint32_t app_status = 0, unsigned protocol_status = 0);
std::string unknown_type(unsigned type);

/// What came of it, put together by id.
struct client_answer {
    std::string out, errors;
    int ends = 0;
    std::uint32_t app_status = 0;
    fcgi::protocol_status protocol_status{};
    bool out_ended = false;

    bool operator==(const client_answer&) const = default;
};

/// Reads all events; checks that none comes for a request that has ended and not begun again.
class client_reader {
public:
    explicit client_reader(fcgi::client_session& s) noexcept : session_(s) {}

    /// Gives the bytes to the machine, in memory of their own. False when it says that they broke the protocol.
    bool take(std::string_view bytes);
    bool take(const pieces& all);

    std::map<id_type, client_answer> answers;
    std::vector<id_type> ended; ///< in order
    int values = 0, unknown_types = 0;
    error_code fault;

private:
    fcgi::client_session& session_;
};

/// A request with the variables of a good GET.
fcgi::client_request a_request(bool keep = true, fcgi::role role = fcgi::role::responder);

/// Everything the machine wants to send.
std::string all_output(fcgi::client_session& s);

} // namespace sluice::test
