BEGIN TRANSACTION;
CREATE TABLE authors (
  slug TEXT PRIMARY KEY, name TEXT NOT NULL, headline TEXT, language TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT);
INSERT INTO "authors" VALUES('ada','Ada Löve 🧮','counts','en','2026-11-25T04:00:07.451169+00:00','2026-11-25T04:00:07.451169+00:00',NULL);
INSERT INTO "authors" VALUES('ada-li','李白',NULL,NULL,'2026-11-25T04:00:07.451273+00:00','2026-11-25T04:00:07.451273+00:00',NULL);
CREATE TABLE cleaned (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, category TEXT NOT NULL, link TEXT NOT NULL, path TEXT,
  source TEXT NOT NULL, platform TEXT NOT NULL, title TEXT, text TEXT NOT NULL, language TEXT, published_at TEXT,
  metadata TEXT NOT NULL, content_hash TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT);
INSERT INTO "cleaned" VALUES('abec1f35-4958-5ea4-9867-cd0e9fb4efd2','ada','articles','https://ada.example/2','src/häß lich.py','https://ada.example/feed','web','Note 2','﻿line
   é 👨‍👩 مرحبا 你好 	
',NULL,'2024-05-06T07:08:09.123456+02:00','{"": [], "a.b": {"$c": [1, 2.5, 1.0, null, true, "ü", 1099511627776]}}','ac2019c4b9791eef15a9e0056147bc5936fde821207b85ddd52e084c268d5ef9','2026-11-25T04:00:07.454203+00:00','2026-11-25T04:00:07.454203+00:00',NULL);
INSERT INTO "cleaned" VALUES('ff9f6b85-ff16-5e55-adb4-5422c9faf87d','ada','articles','https://ada.example/3',NULL,'https://ada.example/feed','web','Note 3','Text 3 of Ada.',NULL,NULL,'{}','22fa1e8cff4c884eb2b13d549b18349ac19127d660138e74c085bf54a148ec03','2026-11-25T04:00:07.454297+00:00','2026-11-25T04:00:07.454297+00:00',NULL);
INSERT INTO "cleaned" VALUES('a630e569-d9f4-592c-bb29-469c354d4947','ada','articles','https://ada.example/4',NULL,'https://ada.example/feed','web','Note 4','Text 4 of Ada.',NULL,NULL,'{}','05cb7ea385ad218b70c2b391fb2475d9c9ac0dbde0bdafd6a130962d73c42b0c','2026-11-25T04:00:07.454327+00:00','2026-11-25T04:00:07.454327+00:00',NULL);
INSERT INTO "cleaned" VALUES('5c2c1cf6-578d-5755-84c2-9a52c69ba20f','ada','articles','https://ada.example/5',NULL,'https://ada.example/feed','web','Note 5','Text 5 of Ada.',NULL,NULL,'{}','0b281c5c96110b5286b8514c33f0611ebf21fd05986d7cccb86f6e6acd354c0e','2026-11-25T04:00:07.454350+00:00','2026-11-25T04:00:07.454350+00:00',NULL);
INSERT INTO "cleaned" VALUES('78aee78e-8cd5-5b82-9466-3f9160f7488a','ada','articles','https://ada.example/6',NULL,'https://ada.example/feed','web','Note 6','Text 6 of Ada.',NULL,NULL,'{}','94d1ef5f2a1ca94c84e1f29f81939c57f1be2bb7f88a942bc6cd316b7114240d','2026-11-25T04:00:07.454372+00:00','2026-11-25T04:00:07.454372+00:00',NULL);
INSERT INTO "cleaned" VALUES('085e304f-4745-5375-9564-8eed53524462','ada','articles','https://ada.example/7',NULL,'https://ada.example/feed','web','Note 7','Text 7 of Ada.',NULL,NULL,'{}','f46abed28207ffd9b0e46b2a86a30078fc7d626dc3640141ac0f9a94aab8cc46','2026-11-25T04:00:07.454394+00:00','2026-11-25T04:00:07.454394+00:00',NULL);
INSERT INTO "cleaned" VALUES('0d08b78a-bb43-55ad-a943-74429ea45331','ada','articles','https://ada.example/8',NULL,'https://ada.example/feed','web','Note 8','Text 8 of Ada.',NULL,NULL,'{}','27229011edf8234fac7314965758ab81cbf6bafa6a0a88e082730f49a598c76a','2026-11-25T04:00:07.454417+00:00','2026-11-25T04:00:07.454417+00:00',NULL);
INSERT INTO "cleaned" VALUES('ecdbfd70-f7d7-5632-8eb7-fd668fe31744','ada-li','articles','https://ada.example/9',NULL,'https://ada.example/feed','web','Note 9','床前明月光',NULL,NULL,'{}','48d4ed74f3a298682f7522bd2b45dbe67645349f7bd489b085968ca8dd416529','2026-11-25T04:00:07.454446+00:00','2026-11-25T04:00:07.454446+00:00',NULL);
CREATE TABLE crawl_log (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, url TEXT NOT NULL, category TEXT NOT NULL, status TEXT NOT NULL,
  documents INTEGER NOT NULL, message TEXT, skipped_files TEXT NOT NULL, validators TEXT NOT NULL,
  checked_at TEXT NOT NULL);
INSERT INTO "crawl_log" VALUES('98c5a97f5115cdc8d2a3c9f7e532dc3db429c7490a5c8e59c752377552114bf9','ada','https://ada.example/feed','articles','ok',0,NULL,'{"big": 1}','{"etag": "\"x.y\""}','2026-01-02T03:05:05.678901+00:00');
INSERT INTO "crawl_log" VALUES('b2e4abd1f225a4914913482086c3fd029ce1f88a4ae7e759806d19b545a44750','ada','https://ada.example/feed','articles','failed',0,'It is gone.','{}','{}','2026-01-02T03:06:05.678901+00:00');
INSERT INTO "crawl_log" VALUES('6ed580283fb5623dbcadb8a7eab87c16dcc28a8aac46c1f5fcb66e4d8d4bb832','ada-li','https://ada.example/feed','articles','ok',0,NULL,'{}','{}','2026-01-02T03:04:05.678901+00:00');
CREATE TABLE links (
  author TEXT NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL, categories TEXT NOT NULL, origin TEXT NOT NULL,
  include TEXT NOT NULL, exclude TEXT NOT NULL, location TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT, PRIMARY KEY (author, url));
INSERT INTO "links" VALUES('ada','https://ada.example/feed','feed','["articles"]','file','[]','[]',NULL,'2026-11-25T04:00:07.451768+00:00','2026-11-25T04:00:07.451768+00:00',NULL);
INSERT INTO "links" VALUES('ada','local:posts/*.md','files','["articles"]','file','[]','[]','/somewhere/posts','2026-11-25T04:00:07.452101+00:00','2026-11-25T04:00:07.452423+00:00','2026-11-25T04:00:07.452423+00:00');
INSERT INTO "links" VALUES('ada-li','https://ada.example/feed','feed','["articles"]','file','[]','[]',NULL,'2026-11-25T04:00:07.452142+00:00','2026-11-25T04:00:07.452142+00:00',NULL);
CREATE TABLE raw (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, category TEXT NOT NULL, link TEXT NOT NULL, path TEXT,
  source TEXT NOT NULL, platform TEXT NOT NULL, title TEXT, text TEXT NOT NULL, language TEXT, published_at TEXT,
  metadata TEXT NOT NULL, content_hash TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, removed_at TEXT);
INSERT INTO "raw" VALUES('abec1f35-4958-5ea4-9867-cd0e9fb4efd2','ada','articles','https://ada.example/2','src/häß lich.py','https://ada.example/feed','web','Note 2','﻿line
   é 👨‍👩 مرحبا 你好 	
',NULL,'2024-05-06T07:08:09.123456+02:00','{"": [], "a.b": {"$c": [1, 2.5, 1.0, null, true, "ü", 1099511627776]}}','ac2019c4b9791eef15a9e0056147bc5936fde821207b85ddd52e084c268d5ef9','2026-11-25T04:00:07.453327+00:00','2026-11-25T04:00:07.453327+00:00',NULL);
INSERT INTO "raw" VALUES('ff9f6b85-ff16-5e55-adb4-5422c9faf87d','ada','articles','https://ada.example/3',NULL,'https://ada.example/feed','web','Note 3','edited',NULL,NULL,'{}','22fa1e8cff4c884eb2b13d549b18349ac19127d660138e74c085bf54a148ec03','2026-11-25T04:00:07.453407+00:00','2026-11-25T04:00:07.454913+00:00',NULL);
INSERT INTO "raw" VALUES('a630e569-d9f4-592c-bb29-469c354d4947','ada','articles','https://ada.example/4',NULL,'https://ada.example/feed','web',NULL,'',NULL,NULL,'{}','','2026-11-25T04:00:07.453432+00:00','2026-11-25T04:00:07.455279+00:00','2026-11-25T04:00:07.455279+00:00');
INSERT INTO "raw" VALUES('5c2c1cf6-578d-5755-84c2-9a52c69ba20f','ada','articles','https://ada.example/5',NULL,'https://ada.example/feed','web','Note 5','Text 5 of Ada.',NULL,NULL,'{}','0b281c5c96110b5286b8514c33f0611ebf21fd05986d7cccb86f6e6acd354c0e','2026-11-25T04:00:07.453452+00:00','2026-11-25T04:00:07.453452+00:00',NULL);
INSERT INTO "raw" VALUES('78aee78e-8cd5-5b82-9466-3f9160f7488a','ada','articles','https://ada.example/6',NULL,'https://ada.example/feed','web','Note 6','Text 6 of Ada.',NULL,NULL,'{}','94d1ef5f2a1ca94c84e1f29f81939c57f1be2bb7f88a942bc6cd316b7114240d','2026-11-25T04:00:07.453469+00:00','2026-11-25T04:00:07.453469+00:00',NULL);
INSERT INTO "raw" VALUES('085e304f-4745-5375-9564-8eed53524462','ada','articles','https://ada.example/7',NULL,'https://ada.example/feed','web','Note 7','Text 7 of Ada.',NULL,NULL,'{}','f46abed28207ffd9b0e46b2a86a30078fc7d626dc3640141ac0f9a94aab8cc46','2026-11-25T04:00:07.453484+00:00','2026-11-25T04:00:07.453484+00:00',NULL);
INSERT INTO "raw" VALUES('0d08b78a-bb43-55ad-a943-74429ea45331','ada','articles','https://ada.example/8',NULL,'https://ada.example/feed','web','Note 8','Text 8 of Ada.',NULL,NULL,'{}','27229011edf8234fac7314965758ab81cbf6bafa6a0a88e082730f49a598c76a','2026-11-25T04:00:07.453500+00:00','2026-11-25T04:00:07.453500+00:00',NULL);
INSERT INTO "raw" VALUES('ecdbfd70-f7d7-5632-8eb7-fd668fe31744','ada-li','articles','https://ada.example/9',NULL,'https://ada.example/feed','web','Note 9','床前明月光',NULL,NULL,'{}','48d4ed74f3a298682f7522bd2b45dbe67645349f7bd489b085968ca8dd416529','2026-11-25T04:00:07.453519+00:00','2026-11-25T04:00:07.453519+00:00',NULL);
CREATE INDEX crawl_log_newest ON crawl_log (author, category, url, checked_at);
CREATE UNIQUE INDEX raw_identity ON raw (author, link, path);
CREATE INDEX raw_column ON raw (author, category, id) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX cleaned_identity ON cleaned (author, link, path);
CREATE INDEX cleaned_column ON cleaned (author, category, id) WHERE removed_at IS NULL;
COMMIT;
PRAGMA user_version = 1;
