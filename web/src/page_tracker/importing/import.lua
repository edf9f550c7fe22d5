-- Adds a step of an import to the counts of a site, and its marker, in one atomic step.
--
-- KEYS[1] is the prefix of the site's keys (`keys.py` lists them). No key has that name:
-- `record.lua` explains why.
-- ARGV[1] has the step, as `writing.py` names it. JSON has no bytes, so what follows are
-- the visitors of its days, one day after another.
--
-- The answer is a list with "" for a step that was added. Otherwise nothing was changed:
-- "unknown site", "marker" and the value of the marker if it is not the one before the
-- step, "full" if the site has too many markers, "visitors" if the sum of the visitors of
-- all days must begin first, and "too many views".
--
-- The marker is written first. An error below, for broken numbers in Redis, loses a part of
-- this step, and never counts one twice.

local prefix, call = KEYS[1], cjson.decode(ARGV[1])

local OTHER = '(other)'
-- Names of ours have room in each sorted set: a full one still counts them.
local OURS = {[OTHER] = true, ['(direct)'] = true, ['(internal)'] = true,
  ['(unknown)'] = true}
local AT_ONCE = 1000 -- arguments of one command

local totals, imports = prefix .. 'totals', prefix .. 'imports'
local pages, pages_uniques = prefix .. 'pages', prefix .. 'pages:uniques'
local titles, adjusted = prefix .. 'titles', prefix .. 'adjusted'

-- Lua would write a large number as 1e+15, which Redis rejects.
local function whole(number)
  return string.format('%.0f', number)
end

-- Returns the number of members of a sorted set. "(other)" does not count.
local function size_of(key, most)
  local size = redis.call('ZCARD', key)
  return size >= most and redis.call('ZSCORE', key, OTHER) and size - 1 or size
end

local function increment(key, member, amount)
  if amount ~= 0 then
    redis.call('ZINCRBY', key, whole(amount), member)
  end
end

-- Returns the name under which a page counts.
local names_of_pages = {}
local function page_name(page)
  local name = names_of_pages[page]
  if not name then
    local is_known = page == OTHER or redis.call('ZSCORE', pages, page)
    local has_room = is_known
      or (#page <= call.longest and size_of(pages, call.most_pages) < call.most_pages)
    name = has_room and page or OTHER
    names_of_pages[page] = name
  end
  return name
end

-- Adds a number to a value. A new one that has no room counts under "(other)".
local function add_value(key, value, amount)
  if #value > call.longest and not OURS[value] then
    return increment(key, OTHER, amount)
  end
  local sum = redis.call('ZINCRBY', key, whole(amount), value)
  if tonumber(sum) == amount and not OURS[value]
      and size_of(key, call.most_values) > call.most_values then
    redis.call('ZREM', key, value)
    increment(key, OTHER, amount)
  end
end

-- Returns the name under which a name of a pair counts on its day.
local function counted(key, name)
  return redis.call('ZSCORE', key, name) and name or OTHER
end

local function add_hours(key, hours)
  for hour, number in pairs(hours) do
    redis.call('HINCRBY', key, hour, whole(number))
  end
end

-- Returns a change of a number that does not become negative by it.
local function possible(key, member, amount)
  if amount >= 0 then
    return amount
  end
  return math.max(amount, -tonumber(redis.call('ZSCORE', key, member) or '0'))
end

-- Adds pages. Returns their views and unique views. Views without a day may move from
-- "(other)" to a page: the numbers of the former are negative.
local function add_pages(rows, today, is_dated)
  local views, uniques = 0, 0
  for _, row in ipairs(rows) do
    local page = page_name(row[1])
    local of_page = possible(pages, page, row[2])
    local uniques_of_page = possible(pages_uniques, page, row[3])
    increment(pages, page, of_page)
    increment(pages_uniques, page, uniques_of_page)
    if today then
      increment(today .. 'pages', page, of_page)
      increment(today .. 'uniques', page, uniques_of_page)
    elseif not is_dated
        and redis.call('HINCRBY', adjusted, page, whole(of_page)) == 0 then
      redis.call('HDEL', adjusted, page)
    end
    views, uniques = views + of_page, uniques + uniques_of_page
  end
  return views, uniques
end

local function add_events(today, rows)
  local events, visitors = today .. 'events', today .. 'events:visitors'
  for _, row in ipairs(rows) do
    add_value(events, row[1], row[2])
    increment(visitors, counted(events, row[1]), row[3])
  end
end

local function add_pairs(key, rows, first, second)
  for _, row in ipairs(rows) do
    add_value(key, first(row[1]) .. '\t' .. second(row[2]), row[3])
  end
end

-- Adds the visitors of a day. Returns by how much they grow.
local function add_visitors(key, first, number)
  local before = redis.call('PFCOUNT', key)
  for start = first, first + number - 1, AT_ONCE do
    local last = math.min(start + AT_ONCE, first + number) - 1
    redis.call('PFADD', key, unpack(ARGV, start, last))
  end
  return math.max(0, redis.call('PFCOUNT', key) - before)
end

local since, site_views, site_visitors = unpack(
  redis.call('HMGET', totals, 'since', 'views', 'visitors'))
if not since then
  return {'unknown site'}
end
local marker = redis.call('HGET', imports, call.marker) or ''
if marker ~= call.before then
  return {'marker', marker}
elseif marker == '' and redis.call('HLEN', imports) >= call.most_markers then
  return {'full'}
elseif not site_visitors and call.needs_visitors then
  return {'visitors'}
elseif tonumber(site_views or 0) + call.views > call.most_views then
  return {'too many views'}
end
redis.call('HSET', imports, call.marker, call.after)

local is_edit = #call.undated > 0
local new_visitors, next_visitor = call.visitors, 2
local new_views, new_uniques = add_pages(call.undated, nil, false)
local changed_months = {}

for _, day in ipairs(call.days) do
  local today = day.is_kept and prefix .. 'day:' .. day.day .. ':' or nil
  local views, uniques = add_pages(day.pages, today, true)
  new_views, new_uniques = new_views + views, new_uniques + uniques
  since = day.day < since and day.day or since
  if today then
    add_hours(today .. 'hours', day.hours)
    add_hours(today .. 'hours:uniques', day.hours_uniques)
    for dimension, rows in pairs(day.dimensions) do
      for _, row in ipairs(rows) do
        add_value(today .. dimension, row[1], row[2])
      end
    end
    add_events(today, day.events)
    local function source_name(source)
      return counted(today .. 'referrer', source)
    end
    local function event_name(event)
      return counted(today .. 'events', event)
    end
    add_pairs(today .. 'page-sources', day.page_sources, page_name, source_name)
    add_pairs(today .. 'event-pages', day.event_pages, event_name, page_name)
    if day.visitors > 0 then
      local new = add_visitors(today .. 'visitors', next_visitor, day.visitors)
      new_visitors = new_visitors + new
    end
    for _, name in ipairs(call.names_of_day) do
      redis.call('EXPIREAT', today .. name, day.expires, 'NX')
    end
    changed_months[day.day:sub(1, 7)] = true
    is_edit = is_edit or views == 0
  else
    new_visitors = new_visitors + day.visitors
  end
  next_visitor = next_visitor + day.visitors
end

for page, title in pairs(call.titles) do
  if page ~= OTHER and redis.call('ZSCORE', pages, page) then
    redis.call('HSETNX', titles, page, title)
  end
end
redis.call('HSET', totals, 'since', since)
redis.call('HINCRBY', totals, 'views', whole(new_views))
redis.call('HINCRBY', totals, 'uniques', whole(new_uniques))
if site_visitors then
  redis.call('HINCRBY', totals, 'visitors', whole(new_visitors))
end
-- A backup that reads the site notices views by their hours, and all else by this.
if is_edit then
  redis.call('HINCRBY', totals, 'edits', 1)
end
-- A month that is over has sums, or a process makes them now.
for name in pairs(changed_months) do
  local month = prefix .. 'month:' .. name .. ':'
  redis.call('UNLINK', month .. 'days', month .. 'summing')
end
return {''}
