// Java's own HttpClient with its default settings, which ask for h2c with every request: one GET, then one push.
// usage: java Push.java ADMIN_URL DEVICE_ID; prints status and protocol version of each answer.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Push {
  public static void main(String[] arguments) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    HttpRequest health = HttpRequest.newBuilder(URI.create(arguments[0] + "/healthz")).build();
    print(client.send(health, HttpResponse.BodyHandlers.ofString()));
    HttpRequest push = HttpRequest.newBuilder(URI.create(arguments[0] + "/v1/devices/" + arguments[1] + "/messages"))
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString("{\"from\": \"java\"}"))
        .build();
    print(client.send(push, HttpResponse.BodyHandlers.ofString()));
  }

  private static void print(HttpResponse<String> response) {
    System.out.println(response.statusCode() + " " + response.version());
  }
}
