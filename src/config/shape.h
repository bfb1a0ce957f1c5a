// What texts in settings must look like: addresses, paths, names, origins. Only the table of settings uses them. Any thread.
#pragma once

#include "config/rule.h"

namespace ringgate::config {

extern const TextShape listen_address;         // "127.0.0.1:8080"
extern const TextShape listen_address_or_off;  // or "off"
extern const TextShape route_path_pattern;     // "/ws", "/ocpp/{id}"
extern const TextShape route_path_or_off;      // or "off"
extern const TextShape handler_name;           // "echo"
extern const TextShape sink_name;              // "events", "webhook:orders"
extern const TextShape webhook_name;           // "orders"
extern const TextShape webhook_name_or_none;   // or ""
extern const TextShape field_name;             // "User-Agent"
extern const TextShape webhook_url;            // "https://backend.example.org/events"
extern const TextShape engine_url;             // "nats://127.0.0.1:4222"
extern const TextShape engine_user_or_none;    // "ringgate", or ""
extern const TextShape event_type;             // "device.connected"
extern const TextShape host_name_or_none;      // or ""
extern const TextShape host_name;              // "gate.example.org", "192.0.2.1", "[2001:db8::1]"
extern const TextShape web_origin;             // "https://example.org"
extern const TextShape subprotocol_name;       // "mqtt"
extern const TextShape group_name;             // "site-7"
extern const TextShape correlation;            // "/1", or ""
extern const TextShape file_path;              // "/etc/ringgate/gate.pem"
extern const TextShape file_path_or_none;      // or ""
extern const TextShape cidr;                   // "10.0.0.0/8"
extern const TextShape id_source;              // "query:deviceId"
extern const TextShape auth_kind;              // "token"
extern const TextShape claim_name;             // "sub"
extern const TextShape claim_text;             // "https://issuer.example"
extern const TextShape route_id_source;        // also "path", "jwt:sub"

}  // namespace ringgate::config
