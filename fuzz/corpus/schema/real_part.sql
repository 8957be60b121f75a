-- the people; a comment; with 'quotes'
TABLE app_user (net I64, id I64, role TEXT CHECK (role IN ('owner','member')), status TEXT DEFAULT 'active',
  seen_at TIME?, PRIMARY KEY (net, id));
UNIQUE INDEX app_user_owner ON app_user (net) WHERE role = 'owner' AND status <> 'deleted';
TABLE node (net I64, id I64, key KEY32?, user_id I64?, tags JSON?, data BYTES, fixed BOOL
  DEFAULT 0, created_at TIME, PRIMARY KEY (net, id), CHECK ((user_id IS NULL) <> (tags IS NULL)),
  FOREIGN KEY (net, user_id) REFERENCES app_user (net, id) DEFERRABLE INITIALLY DEFERRED);
INDEX node_user ON node (net, user_id); INSERT INTO app_user VALUES (1, 1, 'owner', 'a;b', NULL);
