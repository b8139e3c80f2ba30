import org.flywaydb.core.Flyway;
import org.flywaydb.database.postgresql.PostgreSQLConfigurationExtension;

/** Migrates by Flyway. Arguments: URL, user, password, folder, the version to stop at, who holds the lock. */
class Migrate {
  public static void main(String[] args) {
    var configuration = Flyway.configure()
        .dataSource(args[0], args[1], args[2])
        .locations("filesystem:" + args[3])
        .target(args[4]);
    configuration.getConfigurationExtension(PostgreSQLConfigurationExtension.class)
        .setTransactionalLock(args[5].equals("transaction"));
    configuration.load().migrate();
  }
}
