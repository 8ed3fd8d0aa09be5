// Health check of MongoDB in docker-compose.yml: exit status 0 for a primary of the replica set, otherwise 1.
// If the set does not exist, it is created; the next check finds it.

db.getSiblingDB("admin").auth(process.env.MONGO_INITDB_ROOT_USERNAME, process.env.MONGO_INITDB_ROOT_PASSWORD);

const hello = db.hello();
if (hello.setName === undefined) {
  try {
    rs.status();
  } catch (error) {
    // Any other error comes from the temporary server that only creates the user, before there is a replica set.
    if (error.codeName === "NotYetInitialized") {
      rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] });
    }
  }
}
quit(hello.setName === "rs0" && hello.isWritablePrimary ? 0 : 1);
