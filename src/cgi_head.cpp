// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/response.hpp>

namespace sluice {

void serialize_cgi_head(const response_head& head, std::string& out)
{
    std::string_view reason = head.reason;
    if (reason.empty())
        reason = reason_phrase(head.status);
    if (reason.empty())
        reason = "Unknown"; // without a phrase Apache would replace the status by its own 500

    const auto digit = [](int d) { return static_cast<char>('0' + d % 10); };
    const char status[] = {digit(head.status / 100), digit(head.status / 10), digit(head.status), ' '};
    out.append("Status: ").append(status, sizeof status).append(reason).append("\r\n");
    for (const field& f : head.headers)
        out.append(f.name).append(": ").append(f.value).append("\r\n");
    out.append("\r\n");
}

} // namespace sluice
