// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

/// Everything an app needs.
#include <sluice/application.hpp>
#include <sluice/authorization.hpp>
#include <sluice/blocking.hpp>
#include <sluice/cgi/ported.hpp>
#include <sluice/cookies.hpp>
#include <sluice/errc.hpp>
#include <sluice/event_stream.hpp>
#include <sluice/file.hpp>
#include <sluice/file_response.hpp>
#include <sluice/form.hpp>
#include <sluice/remote_responder.hpp>
#include <sluice/request.hpp>
#include <sluice/responder.hpp>
#include <sluice/response.hpp>
#include <sluice/run.hpp>
#include <sluice/task.hpp>
#include <sluice/urlencoded.hpp>
#include <sluice/writer.hpp>
