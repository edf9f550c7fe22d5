#!lua flags=allow-oom
-- Moves all numbers of one page of a site to another page, in one atomic step. All sums
-- stay equal. A full Redis runs it too, because it frees memory.
--
-- KEYS[1] is the prefix of the keys of the site, which keys.py lists. No key has that
-- name: record.lua explains why. The arguments are the page, the page that gets its
-- numbers, the most views that it may have ("" for any), the minute since 1970, the oldest
-- day that the site keeps, and the site's days in order.
--
-- The answer is the views of the page. Without most views, pairs of page and source move
-- later, some days at a time, because a popular page has many. For these steps, the most
-- views are "pairs".
--
-- The answer is "kept", and nothing was changed, if the page has more views, or a number
-- that was set by hand, and the most views are given. It is false, and nothing was
-- changed, if the site has an earlier day now.
--
-- The totals count such edits: a backup that reads the site reads it again then. Sums of
-- a month whose days change lose their mark, and are made again. They stay until then: a
-- question that has read the mark may still ask for them.
--
-- A server of version 1 may still write visits. The migration moves those of the target.

local prefix = KEYS[1]
local page, target, most, now, oldest, first = unpack(ARGV, 1, 6)
local OTHER = '(other)'
local adjusted, audit = prefix .. 'adjusted', prefix .. 'audit'
local pages, titles = prefix .. 'pages', prefix .. 'titles'

local since = redis.call('HGET', prefix .. 'totals', 'since')
if not since then
  return most == '' and 0 or 'kept' -- the site was removed
end
if most ~= 'pairs' and first and since < first and oldest < first then
  return false
end
local by_hand = redis.call('HGET', adjusted, page)
if most ~= '' and most ~= 'pairs' then
  local views = redis.call('ZSCORE', pages, page)
  if by_hand or tonumber(views or '0') > tonumber(most) then
    return 'kept'
  end
end

-- Moves a score. The page is removed last: an empty set would lose its lifetime.
local function move(key)
  local score = redis.call('ZSCORE', key, page)
  if score then
    redis.call('ZINCRBY', key, score, target)
    redis.call('ZREM', key, page)
  end
  return score or '0'
end

-- Adds the visitors of a page to those of the target. Pages under "(other)" share none.
local function move_visitors(day)
  local from, to = day .. 'visitors:' .. page, day .. 'visitors:' .. target
  local expires = redis.call('EXPIRETIME', from)
  if target ~= OTHER and expires > 0 then
    redis.call('PFMERGE', to, from)
    redis.call('EXPIREAT', to, expires, 'NX')
  end
  redis.call('DEL', from)
end

-- Moves the pairs of the page: those that begin with it, or else those that end with it.
-- Redis compares them much faster than this script could.
local escaped = page:gsub('[%*%?%[%]\\]', '\\%0')
local function move_pairs(key, is_first)
  local pattern = is_first and escaped .. '\t*' or '*\t' .. escaped
  local cursor, found = '0', {}
  repeat
    local some
    cursor, some = unpack(redis.call('ZSCAN', key, cursor, 'MATCH', pattern,
      'COUNT', 2000))
    for i = 1, #some, 2 do
      found[some[i]] = some[i + 1]
    end
  until cursor == '0'
  for pair, score in pairs(found) do
    local moved = is_first and target .. pair:sub(#page + 1)
      or pair:sub(1, -#page - 1) .. target
    redis.call('ZINCRBY', key, score, moved)
    redis.call('ZREM', key, pair)
  end
end

local months = {}
local function change_month(day)
  local month = prefix .. 'month:' .. day:sub(1, 7) .. ':'
  if months[month] then
    return
  end
  months[month] = true
  redis.call('UNLINK', month .. 'days', month .. 'summing')
  for _, name in ipairs({'pages', 'uniques', 'page-sources', 'event-pages'}) do
    redis.call('UNLINK', month .. 'new:' .. name)
  end
  -- A page that is forgotten leaves the sums, too.
  if most == '' then
    move(month .. 'pages')
    move(month .. 'uniques')
    move_pairs(month .. 'event-pages', false)
  elseif most == 'pairs' then
    move_pairs(month .. 'page-sources', true)
  end
end

-- Renames the page in the last views, which are in memory only and stay for half an hour.
local function rename_last_views()
  redis.set_repl(redis.REPL_NONE)
  for minute = now - 31, now + 1 do -- another clock may be ahead
    local key = prefix .. 'live:' .. minute .. ':last'
    for place, view in ipairs(redis.call('LRANGE', key, 0, -1)) do
      if view:sub(1, #page + 1) == page .. '\t' then
        redis.call('LSET', key, place - 1, target .. view:sub(#page + 1))
      end
    end
  end
  redis.set_repl(redis.REPL_ALL)
end

redis.call('HINCRBY', prefix .. 'totals', 'edits', 1)
if most == 'pairs' then
  for argument = 6, #ARGV do
    change_month(ARGV[argument])
    move_pairs(prefix .. 'day:' .. ARGV[argument] .. ':page-sources', true)
  end
  return 0
end

local views = move(pages)
move(prefix .. 'pages:uniques')
move(prefix .. 'pages:visits')

local title = redis.call('HGET', titles, page)
if title and target ~= OTHER then
  redis.call('HSETNX', titles, target, title)
end
redis.call('HDEL', titles, page)

if by_hand then
  if redis.call('HINCRBY', adjusted, target, by_hand) == 0 then
    redis.call('HDEL', adjusted, target)
  end
  redis.call('HDEL', adjusted, page)
end

-- Quotes in a page are escaped, so the text of the field is in no other place.
local field = '"page": ' .. cjson.encode(page) .. ','
for place, entry in ipairs(redis.call('LRANGE', audit, 0, -1)) do
  local from, to = string.find(entry, field, 1, true)
  if from then
    redis.call('LSET', audit, place - 1, entry:sub(1, from - 1)
      .. '"page": ' .. cjson.encode(target) .. ',' .. entry:sub(to + 1))
  end
end

-- To make room for others, the search ends with the day that has the page's first view.
-- A page that is forgotten may have its name in any day.
local left = most == '' and math.huge or tonumber(views)
for argument = #ARGV, 6, -1 do
  local day = prefix .. 'day:' .. ARGV[argument] .. ':'
  local of_day = tonumber(move(day .. 'pages'))
  if of_day > 0 or most == '' then
    move(day .. 'uniques')
    move(day .. 'visits')
    move_visitors(day)
    change_month(ARGV[argument])
    move_pairs(day .. 'event-pages', false)
    redis.call('HDEL', day .. 'titles', page)
  end
  if of_day > 0 and most ~= '' then
    move_pairs(day .. 'page-sources', true)
  end
  left = left - of_day
  if left <= 0 then
    break
  end
end
if most == '' then
  rename_last_views()
end
return tonumber(views)
