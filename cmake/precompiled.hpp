// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
// The headers that cost the most to parse. Nothing may rely on getting them from here.
#include <boost/asio.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>
