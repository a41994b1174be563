//! What runs inside Redis. Entries have the fields `k` (the key) and `p` (the payload), in this order; dead letters have `r` (the
//! reason) and `n` (the partition) behind them.

use std::sync::LazyLock;

use tracardi_redis::Script;

pub(super) const MAKE: usize = 0;
pub(super) const SEND: usize = 1;
pub(super) const BEAT: usize = 2;
pub(super) const LEAVE: usize = 3;
pub(super) const READ: usize = 4;
pub(super) const BURY: usize = 5;
pub(super) const LIST: usize = 6;
pub(super) const END: usize = 7;

/// All scripts, by their numbers.
pub(super) static SCRIPTS: LazyLock<[Script; 8]> = LazyLock::new(|| {
    [MAKE_TEXT, SEND_TEXT, BEAT_TEXT, LEAVE_TEXT, READ_TEXT, BURY_TEXT, LIST_TEXT, END_TEXT].map(Script::new)
});

/// One of them.
pub(super) fn script(number: usize) -> &'static Script {
    &SCRIPTS[number]
}

/// Keys: where the number of partitions stands. Arguments: the number wanted. Answer: the number. A user who may not do what the other
/// scripts do is told so here, when a process starts, and not with the first message.
const MAKE_TEXT: &str = "#!lua flags=allow-oom
for name in string.gmatch('HDEL HGET HGETALL HSET TIME XADD XDEL XLEN XRANGE ZADD ZRANGE ZREM ZREMRANGEBYSCORE', '%u+') do
  if not redis.acl_check_cmd(name, KEYS[1], '0', '0', '0') then
    return redis.error_reply('NOPERM this user may not use ' .. name)
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return tonumber(redis.call('GET', KEYS[1]))
";

/// Keys: streams. Arguments: their bound; then for each message the number of its stream among the keys, its key, its payload.
/// Answer: the numbers of the messages for which there was no room, from 0.
const SEND_TEXT: &str = "#!lua
local refused, longest = {}, tonumber(ARGV[1])
for i = 2, #ARGV, 3 do
  local stream = KEYS[tonumber(ARGV[i])]
  if redis.call('XLEN', stream) < longest then
    redis.call('XADD', stream, '*', 'k', ARGV[i + 1], 'p', ARGV[i + 2])
  else
    refused[#refused + 1] = (i - 2) / 3
  end
end
return refused
";

/// Keys: owners, members. Arguments: token, lease in milliseconds, partitions, and the partitions that are given away.
/// Answer: the fair share, and the partitions that this one has.
const BEAT_TEXT: &str = "#!lua flags=allow-oom
local owners, members, token, all = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', members, '-inf', string.format('%.0f', now))
redis.call('ZADD', members, string.format('%.0f', now + tonumber(ARGV[2])), token)
for i = 4, #ARGV do
  if redis.call('HGET', owners, ARGV[i]) == token then redis.call('HDEL', owners, ARGV[i]) end
end
local tokens, living, rank = redis.call('ZRANGE', members, 0, -1), {}, 0
table.sort(tokens)
for i, one in ipairs(tokens) do
  living[one] = true
  if one == token then rank = i end
end
local share = math.floor(all / #tokens)
if rank <= all % #tokens then share = share + 1 end
local had, mine, free = {}, {}, {}
local pairs_of = redis.call('HGETALL', owners)
for i = 1, #pairs_of, 2 do had[pairs_of[i]] = pairs_of[i + 1] end
for n = 0, all - 1 do
  local owner = had[tostring(n)]
  if owner == token then mine[#mine + 1] = n elseif not (owner and living[owner]) then free[#free + 1] = n end
end
for _, n in ipairs(free) do
  if #mine >= share then break end
  redis.call('HSET', owners, tostring(n), token)
  mine[#mine + 1] = n
end
return {share, mine}
";

/// Keys: owners, members. Arguments: token.
const LEAVE_TEXT: &str = "#!lua flags=allow-oom
local had = redis.call('HGETALL', KEYS[1])
for i = 1, #had, 2 do
  if had[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[1], had[i]) end
end
return redis.call('ZREM', KEYS[2], ARGV[1])
";

/// Keys: owners, streams. Arguments: token, messages, bytes; then for each stream its partition and the entry behind which to read.
/// Answer: for each stream that was looked at, its number among the streams from 0, whether it is this one's, and entries.
const READ_TEXT: &str = "#!lua flags=no-writes
local left, room, first, answer = tonumber(ARGV[2]), tonumber(ARGV[3]), true, {}
for i = 2, #KEYS do
  if left <= 0 then break end
  local partition, after, found = ARGV[2 * i], ARGV[2 * i + 1], {}
  if redis.call('HGET', KEYS[1], partition) ~= ARGV[1] then
    answer[#answer + 1] = {i - 2, 0, found}
  else
    local more = true
    while more and left > 0 do
      local asked = math.min(left, 16)
      local entries = redis.call('XRANGE', KEYS[i], '(' .. after, '+', 'COUNT', asked)
      more = #entries == asked
      for _, entry in ipairs(entries) do
        local size = #entry[2][4]
        if size > room and not first then
          left, more = 0, false
          break
        end
        first, left, room, after = false, left - 1, room - size, entry[1]
        found[#found + 1] = entry
      end
    end
    answer[#answer + 1] = {i - 2, 1, found}
  end
end
return answer
";

/// Keys: a stream, the dead letters. Arguments: entry, partition, reason. Answer: 1, or 0 if it is not in the stream any more.
const BURY_TEXT: &str = "#!lua flags=allow-oom
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then return 0 end
redis.call('XADD', KEYS[2], '*', 'k', entry[2][2], 'p', entry[2][4], 'r', ARGV[3], 'n', ARGV[2])
return redis.call('XDEL', KEYS[1], ARGV[1])
";

/// Keys: the dead letters. Arguments: how many to skip, how many to give, bytes of them. Answer: entries.
const LIST_TEXT: &str = "#!lua flags=no-writes
local skip, left, room, after, found = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), '0-0', {}
local more = true
while more and left > 0 do
  local entries = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', 16)
  more = #entries == 16
  for _, entry in ipairs(entries) do
    after = entry[1]
    if skip > 0 then
      skip = skip - 1
    else
      room = room - #entry[2][4]
      if left == 0 or (room < 0 and #found > 0) then return found end
      left = left - 1
      found[#found + 1] = entry
    end
  end
end
return found
";

/// Keys: the dead letters, streams. Arguments: the streams' bound (negative: the letters are discarded), how many at most, the
/// entries that are meant (none: the oldest). Answer: how many there were, and 1 if a stream was full.
const END_TEXT: &str = "#!lua flags=allow-oom
local dead, longest, most, done, full = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), 0, 0
local entries = {}
if #ARGV == 2 then
  entries = redis.call('XRANGE', dead, '-', '+', 'COUNT', most)
else
  for i = 3, math.min(#ARGV, most + 2) do
    entries[#entries + 1] = redis.call('XRANGE', dead, ARGV[i], ARGV[i])[1]
  end
end
for _, entry in ipairs(entries) do
  local fields = entry[2]
  local stream = KEYS[tonumber(fields[8]) + 2]
  if longest >= 0 and redis.call('XLEN', stream) >= longest then
    full = 1
    break
  end
  if longest >= 0 then redis.call('XADD', stream, '*', 'k', fields[2], 'p', fields[4]) end
  redis.call('XDEL', dead, entry[1])
  done = done + 1
end
return {done, full}
";
