// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Files from the folder FILES; by the server in front where BY_SERVER says how.
#include <sluice/sluice.hpp>

#include <cstdlib>

namespace {

std::string variable(const char* name)
{
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

sluice::response answer(sluice::request& req)
{
    sluice::file_options options{.root = variable("FILES")};
    if (const auto by = variable("BY_SERVER"); by == "x-sendfile")
        options.by_server = sluice::file_handover::x_sendfile();
    else if (by == "x-accel-redirect")
        options.by_server = sluice::file_handover::x_accel_redirect("/protected");
    return sluice::file_response(req, req.env().path_info(), options);
}

} // namespace

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, answer);
}
