// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>

#include <functional>

namespace sluice::middleware {

/// Makes the page of an error. It finds in `page` the status and headers of the answer and a plain page as body and
/// Content-Type, and may change all of it. An exception leaves the plain page, and so does a body that is no string.
using make_error_page = std::function<void(const request& req, response& page)>;

/// Gives a body to answers of status 400 and above that were sent whole and empty (they need no Content-Type then),
/// and answers for an app that throws before the head (`status_of`), or never answers (500; R33, R39). Streamed answers and those
/// that have a body stay as they are, and what is thrown after the head passes through.
///
/// The plain page says the status, as HTML or as text by what the client accepts.
application error_pages(application inner, make_error_page make = {});

} // namespace sluice::middleware
